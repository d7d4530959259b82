"""A Celery application that is asked and answers by `scripted_answers`."""

from shared.bus.answering import make_answerer
from shared.bus.ask import Asked

app = make_answerer(Asked.PREVIEW, "tests.support.scripted_answers")
