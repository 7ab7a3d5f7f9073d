import pytest

from unisign.registry import HOOKS, MODELS, SignRegistry


def test_an_unknown_name_lists_the_nearest_known_ones():
    with pytest.raises(KeyError, match=r"'UniSing' is not registered in 'model'; did you mean 'UniSign'"):
        MODELS.get('UniSing')


def test_names_of_python_modules_are_not_taken():
    with pytest.raises(KeyError, match='custom_imports'):
        MODELS.get('json')


def test_mmengine_names_are_found_through_the_parent():
    assert HOOKS.get('IterTimerHook').__name__ == 'IterTimerHook'
    assert HOOKS.get('mmengine.IterTimerHook').__name__ == 'IterTimerHook'


def test_own_scope_may_be_named():
    assert MODELS.get('unisign.UniSign') is MODELS.get('UniSign')


def test_a_name_can_be_registered_once_only():
    registry = SignRegistry('made for this test', scope='unisign')
    registry.register_module(name='A', module=type('A', (), {}))
    with pytest.raises(KeyError, match='already registered'):
        registry.register_module(name='A', module=type('A', (), {}))
