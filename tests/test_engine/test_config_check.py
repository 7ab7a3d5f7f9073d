from pathlib import Path

import pytest
from stand_ins import write_config

from unisign.engine import ConfigError, check_config, read_config
from unisign.engine.argument_types import wrong_types


def test_a_sound_config_passes(tmp_path):
    check_config(read_config(write_config(tmp_path)))


def test_every_unknown_name_and_argument_is_listed_with_the_nearest(tmp_path):
    cfg = read_config(
        write_config(tmp_path),
        {
            'model.type': 'UniSing',
            'train_dataloader.batch_sampler.type': 'json',
            'train_dataloader.sampler.shufle': True,
            'default_hooks.checkpoint.intervall': 3,
        },
    )
    with pytest.raises(ConfigError) as caught:
        check_config(cfg)
    message = str(caught.value)
    assert '4 problem(s)' in message
    assert "model: type 'UniSing' is registered nowhere; did you mean 'UniSign'" in message
    assert "train_dataloader.batch_sampler: type 'json' is registered nowhere" in message
    assert "train_dataloader.sampler: EpochSampler takes no 'shufle'; did you mean 'shuffle'" in message
    assert "default_hooks.checkpoint: SignCheckpointHook takes no 'intervall'; did you mean 'interval'" in message


@pytest.mark.parametrize('metric', ['test/wer', 'bleu4'])
def test_the_best_checkpoint_is_chosen_on_dev_only(tmp_path, metric):
    cfg = read_config(write_config(tmp_path), {'default_hooks.checkpoint.save_best': metric})
    with pytest.raises(ConfigError, match='never on test'):
        check_config(cfg)


def test_a_missing_config_file_names_its_nearest_neighbour(repo):
    with pytest.raises(ConfigError, match=r'no such config file.*configs/toy/stage3_toy-islr_pose\.py'):
        read_config(repo / 'configs/toy/stage3_toy_islr_pose.py')


def test_a_config_with_a_missing_base_is_named(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = './gone.py'\n")
    with pytest.raises(ConfigError, match=r'mine\.py: cannot be read .*gone\.py'):
        read_config(path)


def test_an_argument_that_no_data_loader_takes_is_found(tmp_path):
    cfg = read_config(write_config(tmp_path), {'train_dataloader.batchsize': 4})
    with pytest.raises(ConfigError, match=r"train_dataloader: a data loader takes no 'batchsize'; .*'batch_size'"):
        check_config(cfg)


def test_an_option_that_nothing_would_read_is_refused(tmp_path):
    path = write_config(tmp_path)
    with pytest.raises(ConfigError, match=r"sets 'default_hook\.logger\.interval'.*Did you mean 'default_hooks'"):
        read_config(path, {'default_hook.logger.interval': 1})
    assert read_config(path, {'load_from': 'a.pth', 'auto_scale_lr.enable': True}).load_from == 'a.pth'


@pytest.mark.parametrize(
    ('option', 'value', 'problem'),
    [
        (
            'train_cfg.max_epochs',
            '3',
            "train_cfg: SignTrainLoop: max_epochs='3' should be a whole number.*, got a text",
        ),
        ('train_cfg.max_epochs', 2.5, 'max_epochs=2.5 should be a whole number.*, got a number'),
        ('default_hooks.failed_clips.max_failed_share', [0.1], 'should be a number, got a list'),
        ('default_hooks.failed_clips.max_failed_share', True, 'should be a number, got True or False'),
        ('train_dataloader.sampler.shuffle', 'yes', "EpochSampler: shuffle='yes' should be True or False, got a text"),
    ],
)
def test_values_of_another_type_are_named_before_anything_is_built(tmp_path, option, value, problem):
    cfg = read_config(write_config(tmp_path), {option: value})
    with pytest.raises(ConfigError, match=problem):
        check_config(cfg)


def test_whole_numbers_none_and_tuples_for_lists_pass_the_check_of_types():
    def built(part: dict): ...

    built.__module__ = 'unisign.example'
    (problem,) = wrong_types(built, dict(part='Part'))
    assert problem == "part='Part' should be a dict, got a text. Name a type, such as part=dict(type='Part')."

    def module(share: float, size: int | None, names: list[str] | None = None, place: Path | str = '', any_=None): ...

    module.__module__ = 'unisign.example'
    assert not list(wrong_types(module, dict(share=1, size=None, names=('a',), place='x', any_=3, unknown=1)))
    assert list(wrong_types(module, dict(size='3'))) == ["size='3' should be a whole number or None, got a text."]
    assert next(wrong_types(module, dict(names='a'))).startswith("names='a' should be a list or None")
    module.__module__ = 'torch.nn'
    assert not list(wrong_types(module, dict(size='3')))


def test_the_model_wrapper_is_checked_and_may_be_set_by_an_option(tmp_path):
    path = write_config(tmp_path)
    check_config(read_config(path, {'model_wrapper_cfg.type': 'FullyShardedModel'}))
    check_config(read_config(path, {'model_wrapper_cfg': dict(type='MMDistributedDataParallel', static_graph=True)}))
    with pytest.raises(
        ConfigError, match=r"model_wrapper_cfg: FullyShardedModel takes no 'block'; did you mean 'blocks'"
    ):
        check_config(read_config(path, {'model_wrapper_cfg': dict(type='FullyShardedModel', block=('MT5Block',))}))
