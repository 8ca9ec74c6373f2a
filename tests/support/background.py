"""Threads of a load that runs beside a test."""


class BackgroundThreads:
    """A `with` block runs `_threads`, which end soon after the event `_ended` is set: the end of the block sets it."""

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()
