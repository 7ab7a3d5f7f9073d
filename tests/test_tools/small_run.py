"""Options that make a run of the toy configs small."""

SMALL = {
    'model.head.generation.max_new_tokens': 4,
    'test_dataloader.num_workers': 0,
    'test_dataloader.batch_size': 8,
    'test_dataloader.persistent_workers': False,
}
