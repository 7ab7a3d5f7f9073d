"""Skeletons, normalised parts, pictures of hands and text as images."""

from unisign.visualization.clip_view import ClipView
from unisign.visualization.contact_sheet import draw_contact_sheet, draw_frames
from unisign.visualization.fusion_explanation import explain_hands
from unisign.visualization.hand_sheet import draw_hand_sheet, draw_hands
from unisign.visualization.hand_view import HandView
from unisign.visualization.part_panels import draw_part, draw_parts
from unisign.visualization.sign_visualizer import SignVisualizer
from unisign.visualization.skeleton import draw_skeleton
from unisign.visualization.text import draw_text, wrap_text
from unisign.visualization.timeline import draw_timeline

__all__ = [
    'ClipView',
    'HandView',
    'SignVisualizer',
    'draw_contact_sheet',
    'draw_frames',
    'draw_hand_sheet',
    'draw_hands',
    'draw_part',
    'draw_parts',
    'draw_skeleton',
    'draw_text',
    'draw_timeline',
    'explain_hands',
    'wrap_text',
]
