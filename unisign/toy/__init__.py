"""The built-in toy corpus: a made-up sign language, so that everything runs without data, download or GPU.

``phonology`` and ``lexicon`` say what the signs are, ``grammar`` (with ``grammar_words``, ``english``, ``chinese``)
what sentences mean; ``performance`` and ``motion`` (with ``signers``, ``hand_model``, ``face_model``, ``body_model``)
move a signer, ``camera`` and ``drawing`` film it, ``detector`` finds keypoints and fails where detectors fail;
``splits``, ``clips``, ``annotations`` and ``corpus`` put it on disk; ``difficulty`` measures how hard it is. See
docs/toy_corpus.md.
"""

from unisign.toy.corpus import make_toy_corpus
from unisign.toy.splits import SIZES

__all__ = ['SIZES', 'make_toy_corpus']
