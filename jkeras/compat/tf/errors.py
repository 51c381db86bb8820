"""`tf.errors`: the exceptions that scripts name in `except`; the first of each row is what is raised here."""

from __future__ import annotations

OpError = RuntimeError
InvalidArgumentError = ValueError
FailedPreconditionError = RuntimeError
OutOfRangeError = StopIteration
ResourceExhaustedError = MemoryError
NotFoundError = FileNotFoundError
UnimplementedError = NotImplementedError
AbortedError = CancelledError = InternalError = UnavailableError = UnknownError = RuntimeError
PermissionDeniedError = PermissionError
AlreadyExistsError = FileExistsError
