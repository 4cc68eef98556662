# SPDX-License-Identifier: MIT
"""
A client of a job's event stream.

	with Stream(http, job) as stream:
	    for event in stream: ...

	story = Story(http, job)
	story.follow()      # to the end of the job; of a stream that breaks, the rest after it
	story.stdout, story.cases, story.end
"""
import base64
import http.client
import json
import time
from typing import NamedTuple

TIMEOUT_S = 60


class Event(NamedTuple):
    id: str
    name: str
    data: dict

    @property
    def bytes(self):
        """Of stdout and stderr."""
        if self.data["encoding"] == "base64":
            return base64.b64decode(self.data["content"], validate=True)
        return self.data["content"].encode()


class Stream:
    """One connection, from the start or from behind the event `last`."""

    def __init__(self, http_, job, last=None, timeout=TIMEOUT_S, prefix="", token=None):
        self.connection = http_.connection(timeout)
        try:
            headers = {"Last-Event-ID": last} if last is not None else {}
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            self.connection.request("GET", f"{prefix}/v1/jobs/{job}/events", headers=headers)
            self.answer = self.connection.getresponse()
        except BaseException:
            self.connection.close()
            raise
        self.status, self.headers = self.answer.status, self.answer.headers
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.answer.close()
        self.connection.close()

    def __iter__(self):
        return self

    def __next__(self):
        """The next whole event; what breaks off within one was none."""
        fields = {}
        while True:
            line = self.answer.readline()
            if not line.endswith(b"\n"):
                raise StopIteration
            line = line[:-1].decode()
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                assert name in ("id", "event", "data", "retry") and name not in fields, line
                fields[name] = value
            elif "event" in fields:
                return Event(fields["id"], fields["event"], json.loads(fields["data"]))
            else:
                fields = {}

    def until(self, name, **members):
        """The events up to and with the first of that name and with these members."""
        seen = []
        for event in self:
            seen.append(event)
            if event.name == name and members.items() <= event.data.items():
                return seen
        raise AssertionError(f"the stream ended without {name} {members}: {seen}")


class Story:
    """What a client knows of a job that believes every event, and forgets what is void."""

    def __init__(self, http_, job):
        self.http, self.job = http_, job
        self.last = None
        self.attempts, self.states, self.positions = [], [], []
        self.end = None
        self.reconnects = 0
        self.forget()

    def forget(self):
        self.output = {}  # (stream, step) to its bytes
        self.cases, self.build = [], None

    def take(self, event):
        assert self.end is None, event
        self.last = event.id
        if event.name == "attempt":
            self.attempts.append(event.data["attempt"])
            self.forget()
        elif event.name in ("stdout", "stderr"):
            key = (event.name, event.data["step"])
            self.output[key] = self.output.get(key, b"") + event.bytes
        elif event.name == "state":
            self.states.append(event.data["state"])
        elif event.name == "position":
            self.positions.append(event.data["position"])
        elif event.name == "case":
            self.cases.append(event.data)
        elif event.name == "build":
            assert self.build is None
            self.build = event.data
        else:
            assert event.name == "end", event
            self.end = event.data

    def of(self, stream):
        return b"".join(data for (name, _), data in self.output.items() if name == stream)

    @property
    def stdout(self):
        return self.of("stdout")

    @property
    def stderr(self):
        return self.of("stderr")

    def read(self, stream):
        for event in stream:
            self.take(event)

    def follow(self, seconds=120):
        """To the end; a stream that breaks is taken up again, as EventSource does."""
        end = time.monotonic() + seconds
        while self.end is None:
            assert time.monotonic() < end, f"no end within {seconds} s: {self.__dict__}"
            try:
                with Stream(self.http, self.job, self.last) as stream:
                    if stream.status == 200:
                        self.read(stream)
                    else:
                        assert stream.status == 503, stream.status
            except (OSError, http.client.HTTPException):
                pass
            if self.end is None:
                self.reconnects += 1
                time.sleep(0.05)  # nobody listens: there is nothing to wait on
        return self
