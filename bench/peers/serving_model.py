"""The ranker as a Python engineer would put it behind HTTP: fields of a request to the network's input matrices with numpy,
one run of ONNX Runtime, one score per candidate. What it computes equals what the service computes for the same request; the
running rates, of which there are none in the benchmark, come as constants.
"""

import json
import math
import os
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy
import onnxruntime


class Numbers:
    """Columns of numbers of one side: (transform(x) - mean) * scale, a missing one is the mean."""

    def __init__(self, slots):
        self.fields = [slot["field"] for slot in slots]
        self.columns = numpy.array([slot["offset"] for slot in slots], dtype=numpy.int64)
        self.mean = numpy.array([slot["mean"] for slot in slots])
        self.scale = numpy.array([slot["scale"] for slot in slots])
        self.low = numpy.array([slot["min"] if slot["min"] is not None else -numpy.inf for slot in slots])
        self.high = numpy.array([slot["max"] if slot["max"] is not None else numpy.inf for slot in slots])
        self.logged = numpy.array([slot["log1p"] for slot in slots], dtype=bool)
        self.age = numpy.array([slot["kind"] == "age" for slot in slots], dtype=bool)

    def write(self, out, entities, now_ms):
        nan = math.nan
        values = numpy.array([[entity.get(field, nan) for entity in entities] for field in self.fields], dtype=numpy.float64)
        values = values.T
        if self.age.any():
            values[:, self.age] = numpy.maximum((now_ms - values[:, self.age]) / 86_400_000, 0)
        values = numpy.clip(values.astype(numpy.float32), self.low, self.high)
        values[:, self.logged] = numpy.log1p(numpy.maximum(values[:, self.logged], 0))
        values = (values - self.mean) * self.scale
        out[:, self.columns] = numpy.where(numpy.isnan(values), 0, values)


class Ids:
    """Single ids of one side: rows of one embedding matrix by text; row 0 is zeros, for what is not known."""

    def __init__(self, slots, vocabularies, matrix):
        self.parts = [(slot["field"], vocabularies[slot["table"]]) for slot in slots]
        self.columns = numpy.array(
            [column for slot in slots for column in range(slot["offset"], slot["offset"] + slot["width"])], dtype=numpy.int64
        )
        self.matrix = matrix

    def write(self, out, entities):
        rows = [[known.get(entity.get(field), 0) for entity in entities] for field, known in self.parts]
        found = self.matrix[numpy.array(rows, dtype=numpy.int64).T]  # [entities, slots, dim]
        out[:, self.columns] = found.reshape(len(entities), -1)


class Bags:
    """A list of ids: the mean of their rows, of the last 50 of them."""

    def __init__(self, slot, vocabulary, matrix):
        self.field, self.offset, self.width, self.last = slot["field"], slot["offset"], slot["width"], slot["last"]
        self.known, self.matrix = vocabulary, matrix

    def write(self, out, entities):
        known, last = self.known, self.last
        lists = [(entity.get(self.field) or [])[-last:] for entity in entities]
        sizes = numpy.array([len(ids) for ids in lists])
        flat = [known.get(one, 0) for ids in lists for one in ids]
        if not flat:
            return
        filled = numpy.flatnonzero(sizes)
        starts = (numpy.cumsum(sizes) - sizes)[filled]
        sums = numpy.add.reduceat(self.matrix[numpy.array(flat)], starts, axis=0)
        out[filled, self.offset : self.offset + self.width] = sums / sizes[filled, None]


class Side:
    def __init__(self, side, spec, vocabularies, matrix):
        slots = [slot for slot in spec["slots"] if slot["side"] == side]
        self.width = spec["widths"][side]
        self.base = numpy.zeros(self.width, dtype=numpy.float32)
        for slot in slots:
            if slot["kind"] == "constant":
                self.base[slot["offset"] : slot["offset"] + slot["width"]] = slot["values"]
        of = lambda *kinds: [slot for slot in slots if slot["kind"] in kinds]
        self.numbers = Numbers(of("number", "age"))
        self.ids = Ids(of("id"), vocabularies, matrix)
        self.bags = [Bags(slot, vocabularies[slot["table"]], matrix) for slot in of("ids")]
        self.clocks = of("hour_of_day", "day_of_week")

    def matrix(self, entities, now_ms):
        out = numpy.empty((len(entities), self.width), dtype=numpy.float32)
        out[:] = self.base
        self.numbers.write(out, entities, now_ms)
        self.ids.write(out, entities)
        for bag in self.bags:
            bag.write(out, entities)
        for slot in self.clocks:
            here = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(slot["timezone"]))
            out[:, slot["offset"] + (here.hour if slot["kind"] == "hour_of_day" else here.weekday())] = 1
        return out


class Model:
    def __init__(self, folder, graph, threads):
        with open(os.path.join(folder, "spec.json")) as file:
            spec = json.load(file)
        self.spec = spec
        self.tasks = spec["tasks"]
        self.weights = numpy.array(spec["weights"])
        with open(os.path.join(folder, "entities.json")) as file:
            self.entities = json.load(file)
        matrix = numpy.fromfile(os.path.join(folder, "embeddings.bin"), dtype=numpy.float32).reshape(-1, spec["dim"])
        self.request = Side("request", spec, spec["vocabularies"], matrix)
        self.candidate = Side("candidate", spec, spec["vocabularies"], matrix)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.split = graph != "joined"
        self.session = onnxruntime.InferenceSession(os.path.join(folder, f"{graph}.onnx"), options)

    def score(self, user, context, candidates, now_ms):
        """[candidates, tasks] and [candidates]: heads and scores; candidates hold their id as `item_id`."""
        request = self.request.matrix([{**user, **context}], now_ms)
        candidate = self.candidate.matrix(candidates, now_ms)
        if not self.split:
            candidate = numpy.concatenate([numpy.repeat(request, len(candidates), axis=0), candidate], axis=1)
            request = numpy.zeros((1, 0), dtype=numpy.float32)
        feeds = {"request": request, "candidate": candidate, "request_of": numpy.zeros(len(candidates), numpy.int32)}
        heads = self.session.run(["heads"], feeds)[0]
        return heads, numpy.exp(numpy.log(numpy.maximum(heads, 1e-9)) @ self.weights)

    def known(self, kind, entity):
        """Stored fields under those that were sent, as the service merges them; the id as the field it is read by."""
        key = "item_id" if kind == "items" else "user_id"
        stored = self.entities[kind].get(entity["id"]) if len(entity) == 1 else None
        return {**(stored or entity), key: entity["id"]}

    def rank(self, user, context, candidates, now_ms):
        """The items, best first, as plain values."""
        heads, scores = self.score(user, context, candidates, now_ms)
        order = numpy.argsort(-scores, kind="stable")
        sorted_scores, sorted_heads = scores[order].tolist(), heads[order].tolist()
        tasks = self.tasks
        return [
            {"id": candidates[row]["item_id"], "position": at + 1, "score": score, "heads": dict(zip(tasks, values))}
            for at, (row, score, values) in enumerate(zip(order.tolist(), sorted_scores, sorted_heads))
        ]
