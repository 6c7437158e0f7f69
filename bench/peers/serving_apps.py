"""The same ranker behind two ways of serving Python, on uvicorn with uvloop and httptools:

    pydantic   FastAPI, a typed model of the request and of the answer
    lean       a bare ASGI application: orjson over the raw body in, orjson out

    python serving_apps.py --app lean --bundle DIR --graph split --workers 1 --threads 2 --port 8123
"""

import argparse
import os
import sys
import time
import uuid

import uvicorn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving_model import Model  # noqa: E402


def load():
    return Model(os.environ["PEER_BUNDLE"], os.environ["PEER_GRAPH"], int(os.environ["PEER_THREADS"]))


def answer(model, items):
    weights = dict(zip(model.tasks, model.spec["weights"]))
    return {"requestId": str(uuid.uuid4()), "ranker": "kuairand", "version": "1", "weights": weights, "items": items}


def lean():
    import orjson

    model = load()
    headers = [(b"content-type", b"application/json")]

    async def application(scope, receive, send):
        if scope["type"] != "http":
            return
        parts = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        if scope["path"] == "/v1/rank":
            body = orjson.loads(b"".join(parts))
            candidates = [model.known("items", candidate) for candidate in body["candidates"]]
            user = model.known("users", body["user"])
            items = model.rank(user, body.get("context", {}), candidates, time.time() * 1000)
            reply = orjson.dumps(answer(model, items))
        else:
            reply = b'{"status":"ready"}'
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    return application


def pydantic():
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    model = load()
    types = {"id": str | None, "ids": list[str] | None, "number": float | None, "age": float | None}

    def fields(place):
        slots = [slot for slot in model.spec["slots"] if slot.get("place") == place and slot["kind"] in types]
        return {slot["field"]: (types[slot["kind"]], None) for slot in slots if slot["field"] not in ("user_id", "item_id")}

    # What would be typed in by hand for a fixed model: one attribute per field, each optional.
    User = create_model("User", id=(str, ...), **fields("user"))
    Context = create_model("Context", **fields("context"))
    Candidate = create_model("Candidate", id=(str, ...), **fields("candidate"))

    class Request(BaseModel):
        user: User
        context: Context = Context()
        candidates: list[Candidate]

    class Item(BaseModel):
        id: str
        position: int
        score: float
        heads: dict[str, float]

    class Answer(BaseModel):
        requestId: str
        ranker: str
        version: str
        weights: dict[str, float]
        items: list[Item]

    app = FastAPI()

    @app.get("/health")
    def health():
        return {"status": "ready"}

    @app.post("/v1/rank")
    def rank(body: Request) -> Answer:
        dump = lambda entity: entity.model_dump(exclude_none=True)
        candidates = [model.known("items", dump(candidate)) for candidate in body.candidates]
        items = model.rank(model.known("users", dump(body.user)), dump(body.context), candidates, time.time() * 1000)
        return Answer(**answer(model, items))

    return app


if __name__ == "__main__":
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--app", choices=["pydantic", "lean"], required=True)
    flags.add_argument("--bundle", required=True)
    flags.add_argument("--graph", choices=["split", "joined", "rounded"], default="split")
    flags.add_argument("--workers", type=int, default=1)
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--port", type=int, required=True)
    given = flags.parse_args()
    os.environ.update(PEER_BUNDLE=given.bundle, PEER_GRAPH=given.graph, PEER_THREADS=str(given.threads))
    uvicorn.run(
        f"serving_apps:{given.app}",
        app_dir=os.path.dirname(os.path.abspath(__file__)),
        factory=True,
        host="127.0.0.1",
        port=given.port,
        workers=given.workers,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
