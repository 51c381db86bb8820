"""What a person sees: progress lines and summaries."""

from jkeras.display.progbar import Progbar as Progbar
from jkeras.display.progress import Progress as Progress
from jkeras.display.summary import print_summary as print_summary
