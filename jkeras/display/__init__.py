"""What a person sees: progress while training, its themes, and summaries."""

from jkeras.display.progbar import Progbar as Progbar
from jkeras.display.progress import Progress as Progress
from jkeras.display.summary import print_summary as print_summary
from jkeras.display.themes import THEMES as THEMES
from jkeras.display.themes import Theme as Theme
from jkeras.display.themes import current_theme as current_theme
from jkeras.display.themes import register_theme as register_theme
from jkeras.display.themes import set_log_interval as set_log_interval
from jkeras.display.themes import set_theme as set_theme
from jkeras.display.themes import use_theme as use_theme
