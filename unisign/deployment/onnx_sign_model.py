"""``OnnxSignModel``: an exported model with the methods of ``UniSign`` that testing and translating use."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor
from transformers import AutoConfig

from unisign.deployment.folder import GRAPHS, LANGUAGE_MODEL_FOLDER, OUTPUT_ROWS, read_description
from unisign.deployment.onnx_decoder import OnnxTextDecoder
from unisign.deployment.sessions import OnnxGraph
from unisign.models import SignDataPreprocessor
from unisign.models.heads.answering import answer_clips, check_dataset, join_prompts, make_vocabularies
from unisign.models.heads.t5_decoder import special_tokens
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import load_tokenizer
from unisign.models.unisign import without_answer
from unisign.registry import MODELS
from unisign.structures import PART_NAMES, DataError, SignDataSample


@MODELS.register_module()
class OnnxSignModel(BaseModel):
    """A clip of signing in, text out, computed by onnxruntime on the CPU.

    Beam search, the scoring of closed vocabularies, tokenizer and prompts are the same code as PyTorch's model uses.

    Args:
        folder: what ``tools/deployment/export_onnx.py`` wrote.
        threads: threads to compute with; None takes PyTorch's number (``OMP_NUM_THREADS``).

    Attributes:
        cfg: the part of the config that ``ClipPipeline`` reads.

    Raises:
        DataError: if onnxruntime or a file of the folder is missing, or one is damaged.
    """

    def __init__(self, folder: str, threads: int | None = None) -> None:
        super().__init__(data_preprocessor=SignDataPreprocessor())
        place, self.description = Path(folder), read_description(folder)
        self.cfg = Config(dict(test_dataloader=dict(dataset=self.description.dataset)))
        graphs = {name: OnnxGraph(place / f'{name}.onnx', threads) for name in GRAPHS}
        if self.description.vocabularies:
            graphs[OUTPUT_ROWS] = OnnxGraph(place / f'{OUTPUT_ROWS}.onnx', threads)
        self.pose_encoder, self.text_encoder = graphs.pop('pose_encoder'), graphs.pop('text_encoder')
        language_model = place / LANGUAGE_MODEL_FOLDER
        self.decoder = OnnxTextDecoder(config=_read_config(language_model), **graphs)
        tokenizer = load_tokenizer(str(language_model))
        self.codec = TextCodec(tokenizer, self.description.prompt, self.description.max_target_tokens)
        labels = {task: str(place / file) for task, file in self.description.vocabularies.items()}
        _, _, start = special_tokens(self.decoder)
        self.vocabularies = make_vocabularies(labels, self.codec, start, self.description.ranking)
        self.eval()

    def forward(
        self, inputs: dict[str, Any], data_samples: list[SignDataSample] | None = None, mode: str = 'tensor'
    ) -> Tensor | list[SignDataSample]:
        """Return features (``tensor``) or answers (``predict``); see ``UniSign.forward``.

        Raises:
            ValueError: for another mode: an exported model cannot be trained.
        """
        if mode not in ('tensor', 'predict'):
            raise ValueError(f'mode={mode!r} is not one of tensor, predict.')
        mask: Tensor = inputs['mask'].cpu()
        if mode == 'predict' and not data_samples:
            return []
        (features,) = self.pose_encoder(*(inputs['parts'][name] for name in PART_NAMES), mask)
        return features if mode == 'tensor' else self._predict(features, mask, data_samples or [])

    @torch.no_grad()
    def _predict(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> list[SignDataSample]:
        langs = {sample.lang for sample in data_samples}
        prompts = {lang: self.decoder.embed(torch.tensor(self.codec.prompt_ids(lang))) for lang in langs}
        embeddings, states_mask = join_prompts(prompts, features, mask, data_samples)
        (states,) = self.text_encoder(embeddings, states_mask)
        made = self.description
        return answer_clips(
            self.decoder, self.codec, self.vocabularies, states, states_mask, data_samples, made.nbest, made.generation
        )

    def check_dataset(self, overview: Any, training: bool) -> list[str]:
        """Check languages and labels before a run; see ``MT5GenerationHead.check_dataset``."""
        return check_dataset(overview, training, self.codec, self.vocabularies)

    def val_step(self, data: dict[str, Any]) -> list[SignDataSample]:
        """Predict a batch, as ``UniSign.val_step``."""
        return super().val_step(data) + [without_answer(sample) for sample in data.get('failed_clips', ())]

    def test_step(self, data: dict[str, Any]) -> list[SignDataSample]:
        """Predict a batch, as ``val_step``."""
        return self.val_step(data)


def _read_config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split('\n')[0]
        raise DataError(folder, f'no config of a language model ({reason}).', 'Export the model again.') from error
