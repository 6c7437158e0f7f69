"""Files to a trained multi-task ranker in PyTorch and pandas, as it is usually written: read, join, number the categories,
standardise the numbers, train a multi-gate mixture of experts with dense Adam. One JSON line on stdout.

    python pytorch_end_to_end.py --set kuairand --data DIR --until 2022-05-01 --epochs 3 --threads 2
    python pytorch_end_to_end.py --set demo --data DIR --epochs 3 --threads 2

It does less than the ranker it is set beside: no running rates, no counts, no histories of the log itself, no report, no
sealing. What it does is on whole tensors in memory.
"""

import argparse
import glob
import json
import os
import time

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from pytorch_mmoe import Layers


def codes(column):
    return torch.from_numpy(pd.factorize(column.astype(str).fillna(""))[0].astype(np.int64))


def standardised(frame):
    values = frame.astype("float64").fillna(0).to_numpy()
    return torch.from_numpy(((values - values.mean(0)) / (values.std(0) + 1e-9)).astype(np.float32))


def bags(lists, index, length=50):
    """Lists of ids as [rows, length] codes, 0 = padding."""
    known = {}
    out = np.zeros((len(lists), length), dtype=np.int64)
    for row, text in enumerate(lists):
        if isinstance(text, str):
            for place, value in enumerate(text.split()[-length:]):
                out[row, place] = known.setdefault(value, len(known) + 1)
    return torch.from_numpy(out[index]), len(known) + 1


def kuairand(folder, until):
    def read(pattern):
        return pd.concat([pd.read_csv(name) for name in sorted(glob.glob(os.path.join(folder, pattern)))])

    log = read("log_standard*.csv*").drop_duplicates()
    log = log[(log.date >= 20220425) & (log.time_ms < pd.Timestamp(until, tz="Asia/Shanghai").value // 10**6)]
    users = read("user_features*.csv*")
    frame = log.sort_values("time_ms").merge(users, on="user_id", how="left")
    frame = frame.merge(read("video_features_basic*.csv*"), on="video_id", how="left")
    frame["hour"] = (frame.time_ms // 3_600_000 + 8) % 24
    frame["weekday"] = (frame.time_ms // 86_400_000) % 7
    frame["bucket"] = np.digitize(frame.duration_ms / 1000, [3, 7, 10, 18, 25, 35, 50, 90, 120, 200, 300, 600])
    frame["first_tag"] = frame.tag.astype(str).fillna("").str.split(",").str[0]
    fields = ["user_id", "user_active_degree", "is_live_streamer", "is_video_author", "follow_user_num_range"]
    fields += ["fans_user_num_range", "friend_user_num_range", "register_days_range"]
    fields += [f"onehot_feat{i}" for i in range(18)]
    fields += ["video_id", "author_id", "music_id", "video_type", "upload_type", "music_type", "upload_dt", "tag"]
    fields += ["first_tag", "bucket", "tab", "hour", "weekday"]
    numbers = np.log1p(frame[["follow_user_num", "fans_user_num", "friend_user_num", "register_days", "duration_ms"]])
    history = read("user_history*.csv*")
    place = pd.Series(np.arange(len(history)), index=history.user_id)
    index = place.reindex(frame.user_id).fillna(-1).astype(int).to_numpy()
    lists = [bags(list(history[name]) + [None], index) for name in ("watch_seq", "like_seq", "long_watch_seq")]
    social = frame[["is_follow", "is_comment", "is_forward"]].max(axis=1)
    watch = np.log1p(frame.play_time_ms / 1000)
    labels = [frame.is_click, frame.long_view, frame.is_like, frame.is_profile_enter, social, (watch - watch.mean()) / watch.std()]
    return frame[fields], numbers, lists, labels, 1


def demo(folder, _until):
    frame = pd.read_csv(os.path.join(folder, "impressions.csv"), parse_dates=["time"])
    frame = frame.merge(pd.read_csv(os.path.join(folder, "users.csv")), on="user_id")
    frame = frame.merge(pd.read_csv(os.path.join(folder, "items.csv")), on="item_id").sort_values("time")
    frame["hour"] = frame.time.dt.hour
    fields = ["user_id", "age_group", "device", "hour", "item_id", "author_id", "topic", "tags"]
    look = frame["look"].str.strip("[]").str.split(",", expand=True).astype(float)
    numbers = pd.concat([np.log1p(frame[["duration"]]), look], axis=1)
    watch = np.log1p(frame.watch_seconds)
    labels = [frame.clicked, frame.liked, frame.dismissed, (watch - watch.mean()) / watch.std(), frame.rating.fillna(3) - 3]
    return frame[fields], numbers, [], labels, 2


class Ranker(nn.Module):
    def __init__(self, sizes, bag_sizes, numbers, tasks, options):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, options.dim) for size in sizes)
        self.bags = nn.ModuleList(nn.EmbeddingBag(size, options.dim, mode="mean", padding_idx=0) for size in bag_sizes)
        inputs = (len(sizes) + len(bag_sizes)) * options.dim + numbers
        self.experts, self.width, self.tasks = options.experts, options.layers[0], tasks
        self.first = nn.Linear(inputs, options.experts * options.layers[0])
        self.second = Layers(options.experts, options.layers[0], options.layers[1])
        self.gates = nn.Linear(inputs, tasks * options.experts, bias=False)
        self.towers = Layers(tasks, options.layers[1], options.tower)
        self.heads = Layers(tasks, options.tower, 1)
        self.inputs = inputs

    def forward(self, ids, lists, numbers):
        parts = [table(ids[:, i]) for i, table in enumerate(self.tables)]
        parts += [bag(lists[i]) for i, bag in enumerate(self.bags)]
        x = torch.cat([*parts, numbers], dim=1)
        rows = x.shape[0]
        drop = lambda values: functional.dropout(values, 0.1, self.training)
        hidden = drop(functional.relu(self.first(x))).view(rows, self.experts, self.width).transpose(0, 1)
        expert = drop(functional.relu(self.second(hidden))).transpose(0, 1)
        gates = functional.softmax(self.gates(x).view(rows, self.tasks, self.experts), dim=-1)
        mixed = torch.bmm(gates, expert).transpose(0, 1)
        return self.heads(drop(functional.relu(self.towers(mixed)))).squeeze(-1).t()


def run(options):
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    fields, numbers, lists, labels, regressions = {"kuairand": kuairand, "demo": demo}[options.set](options.data, options.until)
    ids = torch.stack([codes(fields[name]) for name in fields], dim=1)
    dense = standardised(numbers)
    targets = torch.from_numpy(np.stack([np.asarray(label, dtype=np.float32) for label in labels], axis=1))
    prepared = time.perf_counter()
    sizes = [int(ids[:, i].max()) + 1 for i in range(ids.shape[1])]
    model = Ranker(sizes, [size for _, size in lists], dense.shape[1], targets.shape[1], options)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
    binary = targets.shape[1] - regressions
    for _ in range(options.epochs):
        order = torch.randperm(len(ids))
        for rows in order.split(options.batch):
            logits = model(ids[rows], [values[rows] for values, _ in lists], dense[rows])
            y = targets[rows]
            loss = functional.binary_cross_entropy_with_logits(logits[:, :binary], y[:, :binary]) * binary
            loss = loss + functional.mse_loss(logits[:, binary:], y[:, binary:])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "version": torch.__version__,
                "inputs": model.inputs,
                "rows": len(ids),
                "prepareSeconds": prepared - started,
                "seconds": seconds,
                "examplesPerSecond": len(ids) * options.epochs / seconds,
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", choices=["kuairand", "demo"], required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--until", default="2100-01-01")
    for name, default in {"epochs": 3, "threads": 2, "batch": 1024, "dim": 16, "experts": 8, "tower": 64}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--layers", type=int, nargs=2, default=[256, 128])
    run(parser.parse_args())
