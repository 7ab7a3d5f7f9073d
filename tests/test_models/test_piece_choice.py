"""A smaller vocabulary writes what it can write as the full one does, by real SentencePiece models."""

import random
from collections import Counter

import pytest
import sentencepiece
from vocabularies import make_texts, train_tokenizer

from unisign.models.language_models import KeptPieces
from unisign.models.language_models.piece_choice import choose_pieces, named_pieces, parse_piece_model, trim_pieces
from unisign.structures import DataError

KINDS = {
    'unigram': {},
    'unigram with symbols of its own': dict(user_defined_symbols=['▁<extra_id_0>', '他们', 'ing', '▁sun', '苹果']),
    'unigram, spaces behind': dict(treat_whitespace_as_suffix=True),
    'unigram without bytes': dict(byte_fallback=False),
    'bpe': dict(kind='bpe'),
    'bpe with symbols of its own': dict(kind='bpe', user_defined_symbols=['他们', 'ing', '吃', '面']),
    'char': dict(kind='char'),
    'word': dict(kind='word'),
}  # fmt: skip


@pytest.fixture(scope='module')
def corpus() -> list[str]:
    return make_texts(1500, rare=0)


def load(model: bytes) -> sentencepiece.SentencePieceProcessor:
    pieces = sentencepiece.SentencePieceProcessor()
    pieces.LoadFromSerializedProto(model)
    return pieces


def keep(model: bytes, ids: list[int]) -> tuple[KeptPieces, sentencepiece.SentencePieceProcessor]:
    full = parse_piece_model(model, 'full')
    return KeptPieces(tuple(ids), len(full.pieces), len(full.pieces)), load(trim_pieces(full, ids))


def inside_texts(full: sentencepiece.SentencePieceProcessor, kept: KeptPieces, seed: int) -> list[str]:
    """Return texts that the full tokenizer writes with kept pieces: sentences, and random kept pieces in a row."""
    rng = random.Random(seed)
    texts = make_texts(300, seed=seed)
    plain = [i for i in kept.rows if not full.is_control(i)]
    for _ in range(1500):
        texts.append(full.decode(rng.choices(plain, k=rng.randint(1, 12))))
    return [text for text in texts if kept.from_full(full.encode(text)) is not None]


@pytest.mark.parametrize('kind', KINDS)
def test_texts_of_kept_pieces_are_cut_the_same(corpus, kind: str) -> None:
    model = train_tokenizer(corpus, **KINDS[kind])
    full, proto = load(model), parse_piece_model(model, kind)
    seen = 0
    for seed in range(8):
        rng = random.Random(seed)
        counts = Counter(dict.fromkeys(rng.sample(range(len(full)), len(full) // rng.choice([2, 4, 10])), 1))
        kept, small = keep(model, choose_pieces(proto, counts, characters=seed % 2 == 0))
        assert len(small) == len(kept.rows) < len(full) or kind == 'char'
        texts = inside_texts(full, kept, seed)
        assert [kept.from_full(full.encode(text)) for text in texts] == [small.encode(text) for text in texts]
        assert [small.decode(small.encode(text)) for text in texts] == [
            full.decode(full.encode(text)) for text in texts
        ]
        seen += sum(len(set(full.encode(text))) > 2 for text in texts)
    assert seen > 1500


def test_the_corpus_itself_is_kept_with_its_rare_characters(corpus) -> None:
    model = train_tokenizer(corpus)
    full, texts = load(model), make_texts(50, seed=1)
    counts = Counter(i for text in texts for i in full.encode(text))
    kept, small = keep(model, choose_pieces(parse_piece_model(model, 'full'), counts, characters=False))
    assert len(small) < len(full) - 200
    for text in texts:
        assert kept.to_full(small.encode(text)) == full.encode(text)
    assert sum(any(full.is_byte(i) for i in full.encode(text)) for text in texts) > 3
    # What is not kept is written in other pieces, or bytes, and comes back all the same.
    outside = [text for text in make_texts(1000, seed=2) if kept.from_full(full.encode(text)) is None]
    assert len(outside) > 100
    assert all(small.decode(small.encode(text)) == full.decode(full.encode(text)) for text in outside)


def hand_made(pieces: dict[str, float]) -> bytes:
    """Return a unigram model with these pieces and scores, behind <pad>, </s> and <unk>."""
    model = parse_piece_model(train_tokenizer(make_texts(300), vocab_size=400, byte_fallback=False), 'model')
    del model.pieces[3:]
    for piece, score in pieces.items():
        model.pieces.add(piece=piece, score=score)
    return model.SerializeToString()


def test_the_piece_with_the_lowest_score_is_kept() -> None:
    """An unknown character costs the lowest score less 10; were that to rise, it would be chosen over pieces."""
    model = hand_made({'▁a': -1, 'bc': -1, 'd': -64, '▁ab': -30, 'cd': -30, 'z': -65})
    proto, full = parse_piece_model(model, 'full'), load(model)
    ids = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    assert full.encode('abcd', out_type=str) == ['▁ab', 'cd']
    used = Counter(ids[piece] for piece in ('▁ab', 'cd', '▁a', 'bc'))
    chosen = choose_pieces(proto, used, characters=False)
    assert ids['z'] in chosen and ids['d'] not in chosen
    assert keep(model, chosen)[1].encode('abcd', out_type=str) == ['▁ab', 'cd']
    chosen.remove(ids['z'])
    assert keep(model, chosen)[1].encode('abcd', out_type=str) != ['▁ab', 'cd']


def test_of_equal_paths_the_same_is_taken() -> None:
    model = hand_made({'▁': -1, 'ab': -2, 'a': -1, 'b': -1, 'bc': -2, 'c': -1, 'abc': -3, 'x': -9})
    proto, full = parse_piece_model(model, 'full'), load(model)
    for left_out in ('ab', 'bc', 'abc', 'a', 'b', 'c'):
        chosen = [i for i, piece in enumerate(proto.pieces) if piece.piece != left_out]
        kept, small = keep(model, chosen)
        same = 0
        for text in ('abc', 'abcabc', 'aabbcc', 'bcab', 'ab', 'cabcab', 'abcbca', 'ac', 'ba', 'cb'):
            expected = kept.from_full(full.encode(text))
            same += expected is not None
            assert expected is None or small.encode(text) == expected
        assert same >= 2


def test_bpe_keeps_what_its_pieces_are_joined_from(corpus) -> None:
    model = train_tokenizer(corpus, kind='bpe')
    proto, full = parse_piece_model(model, 'full'), load(model)
    longest = max(range(len(full)), key=lambda i: len(full.id_to_piece(i)))
    kept, small = keep(model, choose_pieces(proto, Counter([longest]), characters=False))
    text = full.decode([longest])
    assert small.encode(text) == kept.from_full(full.encode(text)) is not None
    parts = [full.id_to_piece(i) for i in kept.rows if proto.pieces[i].type == 1]
    assert 10 < len(parts) < len(full) / 10
    bare = [i for i, piece in enumerate(proto.pieces) if piece.type != 1] + [longest]
    assert keep(model, sorted(bare))[1].encode(text) != [bare.index(longest)]


def test_what_is_always_kept(corpus) -> None:
    model = train_tokenizer(corpus, control_symbols=['<ctrl>'], user_defined_symbols=['<user>', '▁<extra_id_7>'])
    proto, full = parse_piece_model(model, 'full'), load(model)
    chosen = [full.id_to_piece(i) for i in choose_pieces(proto, Counter(), characters=False)]
    assert {'<pad>', '</s>', '<unk>', '<ctrl>', '<user>', '▁<extra_id_7>', '<0x00>', '<0xFF>'} <= set(chosen)
    assert len(chosen) <= 3 + 256 + 3 + 1 + 2
    small = keep(model, choose_pieces(proto, Counter(), characters=False))[1]
    assert (small.pad_id(), small.eos_id(), small.unk_id(), small.bos_id()) == (0, 1, 2, -1)
    assert small.decode(small.encode('龘 né')) == '龘 né'


def test_counts_and_characters(corpus) -> None:
    model = train_tokenizer(corpus)
    proto, full = parse_piece_model(model, 'full'), load(model)
    word = next(i for i in range(259, len(full)) if len(full.id_to_piece(i)) > 3)
    letters = set(full.id_to_piece(word))
    rarely, often = Counter({word: 1}), Counter({word: 2})
    assert word not in choose_pieces(proto, rarely, min_count=2) and word in choose_pieces(proto, often, min_count=2)
    assert word in choose_pieces(proto, rarely, min_count=2, always=[word])
    spelled = {full.id_to_piece(i) for i in choose_pieces(proto, rarely, min_count=2)}
    assert letters & {full.id_to_piece(i) for i in range(259, len(full))} <= spelled  # other words of these letters
    assert '.' in spelled and '今' not in spelled


def test_normalisation_is_untouched_and_pieces_are_named(corpus) -> None:
    model = train_tokenizer(corpus, self_test_sample_size=5)
    proto = parse_piece_model(model, 'full')
    small = parse_piece_model(trim_pieces(proto, range(300)), 'small')
    assert small.normalizer_spec == proto.normalizer_spec and small.denormalizer_spec == proto.denormalizer_spec
    assert len(small.normalizer_spec.precompiled_charsmap) > 1000
    assert [small.pieces[i] for i in range(300)] == [proto.pieces[i] for i in range(300)]
    assert len(load(small.SerializeToString())) == 300  # though the full one checks itself by pieces that are gone
    assert named_pieces(proto, [proto.pieces[280].piece], 'file') == [280]
    with pytest.raises(DataError, match=r"keep\.txt: 1 lines are no pieces of the tokenizer: 'ka lo'.*U\+2581"):
        named_pieces(proto, ['ka lo'], 'keep.txt')
    with pytest.raises(DataError, match=r'x: not a SentencePiece model'):
        parse_piece_model(b'\xff\xff nonsense', 'x')


def test_a_published_tokenizers_kind(shared) -> None:
    """6,000 unigram pieces with bytes, made from real Chinese and English texts."""
    model = (shared / 'golden' / 'mt5-tiny' / 'spiece.model').read_bytes()
    full, proto = load(model), parse_piece_model(model, 'golden')
    for seed in range(3):
        rng = random.Random(seed)
        counts = Counter(dict.fromkeys(rng.sample(range(len(full)), 1500), 1))
        kept, small = keep(model, choose_pieces(proto, counts, characters=False))
        texts = inside_texts(full, kept, seed)
        assert len(texts) > 200 and len(small) < 2000
        assert [kept.from_full(full.encode(text)) for text in texts] == [small.encode(text) for text in texts]
