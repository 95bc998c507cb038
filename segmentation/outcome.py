"""How a worker's job ends, and in which words, whatever kind of work it was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, InterfaceError, OperationalError

from segmentation.errors import ClaimLostError, PermanentFailureError
from segmentation.services import queue
from segmentation.services.queue import Claim

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What the page says of each way to fail; ``said_as_it_is`` are errors that word themselves."""

    took_too_long: str
    file_missing: str
    out_of_memory: str
    unexpected: str
    said_as_it_is: tuple[type[Exception], ...]


def settle(*, claim: Claim, work: Callable[[], object], words: Words) -> None:
    """Does the work and records how it ended, whatever happens.

    What can pass later (the database or the disk away for a moment) is given back to the queue;
    everything else fails in words, with the trace in the log.
    """
    try:
        work()
    except ClaimLostError as error:
        log.warning("%s; its result is dropped", error)
    except words.said_as_it_is as error:
        queue.record_failure(claim=claim, reason=str(error))
    except SoftTimeLimitExceeded:
        log.exception("%s took too long", claim)
        queue.record_failure(claim=claim, reason=words.took_too_long)
    except PermanentFailureError as error:
        log.exception("%s cannot be done here", claim)
        queue.record_failure(claim=claim, reason=str(error))
    except FileNotFoundError:
        log.exception("%s has no file", claim)
        queue.record_failure(claim=claim, reason=words.file_missing)
    except MemoryError:
        log.exception("%s ran out of memory", claim)
        queue.record_failure(claim=claim, reason=words.out_of_memory)
    except (OperationalError, InterfaceError, OSError):
        log.exception("%s is given back", claim)
        queue.give_back(claim=claim)
    except (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, DatabaseError):
        log.exception("%s failed", claim)
        queue.record_failure(claim=claim, reason=words.unexpected)
