# Uni-Sign at its published size, pose only: 587.7 M parameters, of which mT5-base 582.4 M (spec.md, sections 3 and 4).
model = dict(
    type='UniSign',
    padding='masked',
    data_preprocessor=dict(type='SignDataPreprocessor'),
    pose_encoder=dict(
        type='PartGCNEncoder',
        embed_channels=64,
        spatial_channels=(64, 128, 256),
        temporal_channels=(256, 256, 256),
        temporal_kernel=5,
        out_channels=768,
    ),
    head=dict(
        type='MT5GenerationHead',
        language_model='google/mt5-base',
        pretrained=True,
        label_smoothing=0.2,
        max_target_tokens=50,
        generation=dict(num_beams=4, max_new_tokens=100),
    ),
)
