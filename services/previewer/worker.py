"""The Celery application of the previewer: answers questions from the queue `preview`."""

from shared.bus.answering import make_answerer
from shared.bus.ask import Asked

app = make_answerer(Asked.PREVIEW, "services.previewer.run")
