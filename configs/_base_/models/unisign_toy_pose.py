# A small Uni-Sign for two CPU cores; the language model is the one that make_toy.py lays beside the corpus.
model = dict(
    type='UniSign',
    padding='masked',
    data_preprocessor=dict(type='SignDataPreprocessor'),
    pose_encoder=dict(
        type='PartGCNEncoder',
        embed_channels=16,
        spatial_channels=(32, 64, 32),  # the wide middle is what learns to see the mouth
        temporal_channels=(32, 32, 32),
        temporal_kernel=5,
        out_channels=128,
        projection_std=0.4,  # brings the features to the size of the prompt's embeddings, which are random too
    ),
    head=dict(
        type='MT5GenerationHead',
        language_model='data/toy/language_model',
        pretrained=False,
        label_smoothing=0.1,
        max_target_tokens=50,
        generation=dict(num_beams=4, max_new_tokens=50),
        dropout=0.0,
    ),
)
