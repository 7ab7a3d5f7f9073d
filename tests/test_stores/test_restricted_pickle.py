import pickle

import numpy as np
import pytest

from unisign.stores import load_restricted_pickle, loads_restricted
from unisign.structures import ClipError

CONTENT = {
    'keypoints': [np.arange(6, dtype=np.float64).reshape(1, 3, 2)],
    'fortran': np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    'big_endian': np.arange(3, dtype='>i4'),
    'text': np.array(['a', 'bc']),
    'flags': np.array([True, False]),
    'scalars': (np.float64(1.5), np.int64(-3), 2.5, 7, None, True),
    'names': ['早上好', b'\x00\xff', ''],
}


@pytest.mark.parametrize('protocol', range(6))
def test_plain_content_comes_back_in_every_protocol(protocol):
    loaded = loads_restricted(pickle.dumps(CONTENT, protocol=protocol), 'x.pkl')
    assert list(loaded) == list(CONTENT)
    np.testing.assert_array_equal(loaded['keypoints'][0], CONTENT['keypoints'][0])
    for name in ('fortran', 'big_endian', 'text', 'flags'):
        assert loaded[name].dtype.newbyteorder('=') == CONTENT[name].dtype.newbyteorder('=')
        np.testing.assert_array_equal(loaded[name], CONTENT[name])
    assert loaded['scalars'] == CONTENT['scalars']
    assert loaded['names'] == CONTENT['names']


@pytest.mark.parametrize('module', ['numpy.core', 'numpy._core'])
@pytest.mark.parametrize('protocol', [0, 2])
def test_arrays_of_numpy_1_and_2(module, protocol):
    array = np.arange(4, dtype=np.float32)
    data = pickle.dumps([array, np.float32(3)], protocol=protocol)
    data = data.replace(b'numpy._core', b'numpy.core').replace(b'numpy.core', module.encode())
    loaded = loads_restricted(data, 'x.pkl')
    np.testing.assert_array_equal(loaded[0], array)
    assert loaded[1] == 3


class Runs:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path, protocol):
    victim = tmp_path / 'made_by_the_pickle'
    path = tmp_path / 'clip.pkl'
    path.write_bytes(pickle.dumps({'keypoints': Runs(exec, f'open({str(victim)!r}, "w")')}, protocol=protocol))
    with pytest.raises(ClipError, match=r'clip\.pkl: this pickle was refused: it asks for .*builtin.*\.exec'):
        load_restricted_pickle(path)
    assert not victim.exists()


GLOBALS = ['os.system', 'builtins.getattr', 'numpy.load', 'numpy.core.multiarray.fromfile', 'functools.partial']


@pytest.mark.parametrize('name', GLOBALS)
def test_every_other_name_is_refused(name):
    module, _, attribute = name.rpartition('.')
    data = f'c{module}\n{attribute}\n.'.encode()
    with pytest.raises(ClipError, match=f'it asks for {name}, which could run code'):
        loads_restricted(data, 'x.pkl')


def test_arrays_of_objects_are_refused():
    with pytest.raises(ClipError, match="numpy type 'O8'; only numbers and text"):
        loads_restricted(pickle.dumps(np.array([{}], dtype=object)), 'x.pkl')


def test_structured_arrays_are_refused():
    with pytest.raises(ClipError, match='refused'):
        loads_restricted(pickle.dumps(np.zeros(2, dtype=[('x', 'f4')])), 'x.pkl')


def test_stand_ins_cannot_be_called_in_unusual_ways_or_changed():
    direct = b'cnumpy\nndarray\n((I4\nttR.'  # numpy.ndarray((4,)): memory as it was found
    with pytest.raises(ClipError, match=r'it calls numpy\.ndarray directly'):
        loads_restricted(direct, 'x.pkl')
    large = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99999999999\ntS'b'\ntR."
    with pytest.raises(ClipError, match='array of an unusual class'):
        loads_restricted(large, 'x.pkl')
    state = b"c_codecs\nencode\n}S'_function'\nNsb."
    with pytest.raises(ClipError, match='changes the state of a function'):
        loads_restricted(state, 'x.pkl')
    rot13 = b'c_codecs\nencode\n(Vabc\nVrot13\ntR.'
    with pytest.raises(ClipError, match='encodes text in an unusual way'):
        loads_restricted(rot13, 'x.pkl')
    zeros = b'c__builtin__\nbytes\n(I99999999999\ntR.'
    with pytest.raises(ClipError):
        loads_restricted(zeros, 'x.pkl')


def test_an_array_whose_bytes_do_not_fit_its_shape_is_an_error():
    data = pickle.dumps(np.zeros(4, np.float32), protocol=2)
    index = data.index(b'K\x04\x85')  # the shape (4,)
    with pytest.raises(ClipError, match='no complete pickle'):
        loads_restricted(data[:index] + b'K\x05\x85' + data[index + 3 :], 'x.pkl')


def test_pickles_cut_anywhere_are_named(tmp_path):
    data = pickle.dumps(CONTENT)
    path = tmp_path / 'clip.pkl'
    for kept in range(0, len(data), 5):
        path.write_bytes(data[:kept])
        with pytest.raises(ClipError, match=r'clip\.pkl: this file is no complete pickle .*truncated'):
            load_restricted_pickle(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ClipError, match=r'none\.pkl: the file cannot be read'):
        load_restricted_pickle(tmp_path / 'none.pkl')
