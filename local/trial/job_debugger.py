"""Runs in a job: runs a script, and lets a person debug it where it raises or has a breakpoint.

The debugger talks to ``terminal`` over a port of this machine, because a job has no terminal. Python 3.8 or newer.
"""

import bdb
import os
import pdb  # noqa: T100 - this is the debugger
import runpy
import socket
import sys
import traceback

_CONNECTION = socket.create_connection(("127.0.0.1", int(os.environ.pop("MLOPS_DEBUG_PORT"))))
_CONNECTION.sendall(os.environ.pop("MLOPS_DEBUG_KEY").encode() + b"\n")
# Two streams, since one for both would forget what it has read ahead whenever it writes.
_TYPED = _CONNECTION.makefile("r", encoding="utf-8", errors="replace")
_SHOWN = _CONNECTION.makefile("w", encoding="utf-8", errors="replace", buffering=1)


def _debugger() -> pdb.Pdb:
    return pdb.Pdb(stdin=_TYPED, stdout=_SHOWN)


def _break(*_args: object, **_options: object) -> None:
    """Replaces ``breakpoint()`` and ``pdb.set_trace()``."""
    _debugger().set_trace(sys._getframe(1))  # noqa: SLF001 - the script's frame, as pdb itself finds it


def _debug(error: BaseException) -> None:
    """Lets the person look at where an error was raised."""
    _SHOWN.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    debugger = _debugger()
    debugger.reset()
    debugger.interaction(None, error.__traceback__)


def main() -> None:
    """Runs the script that the first argument names, with the other arguments."""
    sys.breakpointhook = _break
    pdb.set_trace = _break
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120 - as Python itself does
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except bdb.BdbQuit:
        sys.exit("ended in the debugger")
    except SystemExit as end:
        # A script that reports its error and exits, as the shipped ones do.
        if end.code and end.__context__ is not None:
            _debug(end.__context__)
        raise
    except Exception as error:
        _debug(error)
        raise
    finally:
        # Python 3.13 prints an error for those that it has to close as it ends.
        for opened in (_SHOWN, _TYPED, _CONNECTION):
            opened.close()


if __name__ == "__main__":
    main()
