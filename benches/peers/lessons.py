#!/usr/bin/env python3
"""The programs of the usual lessons in Keras and PyTorch, on the rows that the configs train on: a line an epoch, JSON.

usage: lessons.py split DATA OUT                  divides mnist, sentences and housing of DATA into OUT/NAME/{train,valid}
       lessons.py mnist OUT SEED                  Keras: configs/mnist.toml
       lessons.py mnist_torch OUT SEED            PyTorch: configs/mnist_torch.toml
       lessons.py cifar10 FOLDER SEED             PyTorch: configs/cifar10.toml; FOLDER holds {train,valid}/CLASS/*
       lessons.py reviews OUT SEED                Keras: configs/reviews.toml; reviews_conv: the same for that
       lessons.py housing OUT SEED                Keras: configs/housing.toml; housing_mlp: the same for that (a cosine after a
                                                  rise in place of the one-cycle rate). R2 in place of the accuracy
Kiln takes the same rows with --set data.train=OUT/mnist/train --set data.valid=OUT/mnist/valid (and valid_fraction left out of
the experiment). `split` needs numpy alone.
"""
import csv
import gzip
import json
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np


def report(peer, program, seed, epoch, seconds, accuracy, loss):
    print(json.dumps({"peer": peer, "program": program, "seed": seed, "epoch": epoch, "seconds": round(seconds, 2),
                      "valid_accuracy": round(float(accuracy), 5), "valid_loss": round(float(loss), 5)}), flush=True)


def read_idx(path):
    raw = gzip.open(path).read() if str(path).endswith(".gz") else open(path, "rb").read()
    sizes = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(head + array.tobytes())


def split(data, out):
    images = read_idx(data / "mnist/train-images-idx3-ubyte.gz")
    labels = read_idx(data / "mnist/train-labels-idx1-ubyte.gz")
    order = np.random.default_rng(0).permutation(len(labels))
    for name, rows in [("train", order[6000:]), ("valid", order[:6000])]:
        folder = out / "mnist" / name
        folder.mkdir(parents=True, exist_ok=True)
        write_idx(folder / "train-images-idx3-ubyte", images[rows])
        write_idx(folder / "train-labels-idx1-ubyte", labels[rows])
    for name, table in [("sentences", "reviews"), ("housing", "housing")]:
        with open(data / name / f"{table}.csv", newline="") as file:
            head, *rows = csv.reader(file)
        order = np.random.default_rng(0).permutation(len(rows))
        fifth = len(rows) // 5
        (out / name).mkdir(parents=True, exist_ok=True)
        for part, chosen in [("train", order[fifth:]), ("valid", order[:fifth])]:
            with open(out / name / f"{part}.csv", "w", newline="") as file:
                csv.writer(file).writerows([head] + [rows[i] for i in chosen])


def digits(out, name):
    folder = out / "mnist" / name
    return read_idx(folder / "train-images-idx3-ubyte"), read_idx(folder / "train-labels-idx1-ubyte")


def fit_keras(program, net, loss, metric, train, valid, epochs, seed):
    net.compile("adam", loss, metrics=[metric])
    for epoch in range(epochs):
        start = time.perf_counter()
        net.fit(*train, batch_size=32, epochs=1, verbose=0)
        value, accuracy = net.evaluate(*valid, batch_size=256, verbose=0)
        report("keras", program, seed, epoch + 1, time.perf_counter() - start, accuracy, value)


def mnist(out, seed):
    import keras
    from keras import layers as L
    keras.utils.set_random_seed(seed)
    scale = lambda images: images[..., None].astype("float32") / 255
    (x, y), (vx, vy) = digits(out, "train"), digits(out, "valid")
    net = keras.Sequential([
        L.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"), L.Flatten(), L.Dense(64, activation="relu"),
        L.Dense(10, activation="softmax")])
    fit_keras("mnist", net, "sparse_categorical_crossentropy", "accuracy", (scale(x), y), (scale(vx), vy), 5, seed)


def sentences(out, length, limit):
    """((tokens, labels), (tokens, labels)) of training and validation; `limit` tokens."""
    import keras
    drops = str.maketrans({c: " " for c in "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"})
    words = lambda text: text.lower().translate(drops).split(" ")
    def read(name):
        with open(out / f"sentences/{name}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return [[w for w in words(r["text"]) if w] for r in rows], np.array([int(r["label"] == "positive") for r in rows])
    (texts, y), (valid_texts, vy) = read("train"), read("valid")
    counts = {}
    for text in texts:
        for word in text:
            counts[word] = counts.get(word, 0) + 1
    index = {w: i + 1 for i, w in enumerate(sorted(counts, key=lambda w: -counts[w]))}
    def tokens(texts):
        rows = [[index[w] for w in text if index.get(w, limit) < limit] for text in texts]
        return keras.utils.pad_sequences(rows, maxlen=length)
    return (tokens(texts), y), (tokens(valid_texts), vy)


def reviews(out, seed):
    import keras
    from keras import layers as L
    keras.utils.set_random_seed(seed)
    net = keras.Sequential([
        L.Input((40,)), L.Embedding(5000, 50), L.LSTM(50, dropout=0.2, recurrent_dropout=0.2), L.Dense(1, activation="sigmoid")])
    fit_keras("reviews", net, "binary_crossentropy", "accuracy", *sentences(out, 40, 5000), 10, seed)


def reviews_conv(out, seed):
    import keras
    from keras import layers as L
    keras.utils.set_random_seed(seed)
    x = inputs = L.Input((51,))
    x = L.SpatialDropout1D(0.3)(L.Embedding(20000, 100)(x))
    x = L.Add()([x, L.Dropout(0.3)(L.Conv1D(100, 3, padding="same", activation="relu")(x))])
    x = L.Dense(1, activation="sigmoid")(L.Dropout(0.5)(L.GlobalAveragePooling1D()(x)))
    fit_keras("reviews_conv", keras.Model(inputs, x), "binary_crossentropy", "accuracy", *sentences(out, 51, 20000), 12, seed)


def houses(out):
    """((inputs, prices), (inputs, prices)): numbers scaled, missing ones the mean; the category one-hot; prices scaled."""
    tables = []
    for name in ["train", "valid"]:
        with open(out / f"housing/{name}.csv", newline="") as file:
            tables.append(list(csv.DictReader(file)))
    columns = [[], []]
    for column in tables[0][0]:
        values = [[row[column] for row in table] for table in tables]
        if column == "ocean_proximity":
            known = sorted(set(values[0]))
            made = [np.array([[value == name for name in known] for value in part], "float32") for part in values]
        else:
            numbers = [np.array([float(value) if value else np.nan for value in part]) for part in values]
            mean, deviation = np.nanmean(numbers[0]), np.nanstd(numbers[0])
            made = [np.nan_to_num((part - mean) / deviation)[:, None].astype("float32") for part in numbers]
        for part, values in zip(columns, made):
            part.append((column, values))
    split = lambda part: (np.concatenate([v for c, v in part if c != "median_house_value"], 1), dict(part)["median_house_value"])
    return split(columns[0]), split(columns[1])


def fit_houses(program, layers, rate, epochs, batch, seed, out):
    import keras
    from keras import layers as L
    keras.utils.set_random_seed(seed)
    (x, y), (vx, vy) = houses(out)
    batch = batch or len(x)
    steps = epochs * -(-len(x) // batch)
    if layers:  # the one-cycle rate's neighbour
        rate = keras.optimizers.schedules.CosineDecay(rate / 25, steps * 7 // 10, warmup_target=rate, warmup_steps=steps * 3 // 10)
    else:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    net = keras.Sequential([L.Input(x.shape[1:])] + [L.Dense(units, activation="relu") for units in layers] + [L.Dense(1)])
    net.compile(keras.optimizers.Adam(rate), "mse")
    start = time.perf_counter()
    net.fit(x, y, batch_size=batch, epochs=epochs, validation_data=(vx, vy), validation_batch_size=4096, verbose=0)
    seconds = time.perf_counter() - start
    loss = float(net.evaluate(vx, vy, batch_size=4096, verbose=0))
    report("keras", program, seed, epochs, seconds, 1 - loss / float(np.var(vy)), loss)


def housing(out, seed):
    fit_houses("housing", [], 0.05, 1000, None, seed, out)


def housing_mlp(out, seed):
    fit_houses("housing_mlp", [64, 64], 3e-3, 60, 64, seed, out)


def fit_torch(program, x, y, vx, vy, seed):
    """`x` of [samples, channels, height, width], normalised."""
    import torch
    from torch import nn
    torch.manual_seed(seed)
    side = x.shape[2]
    net = nn.Sequential(nn.Conv2d(x.shape[1], 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(64 * (side // 2) ** 2, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    loss = nn.CrossEntropyLoss()
    for epoch in range(10):
        start = time.perf_counter()
        net.train()
        for rows in torch.randperm(len(y)).split(64):
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            logits = torch.cat([net(part) for part in vx.split(500)])
        accuracy = (logits.argmax(1) == vy).float().mean()
        report("torch", program, seed, epoch + 1, time.perf_counter() - start, accuracy, loss(logits, vy))


def mnist_torch(out, seed):
    import torch
    tensors = []
    for name in ["train", "valid"]:
        images, labels = digits(out, name)
        tensors += [torch.tensor(images.astype(np.float32))[:, None] / 127.5 - 1, torch.tensor(labels.astype(np.int64))]
    fit_torch("mnist_torch", *tensors, seed)


def cifar10(folder, seed):
    import torch
    from torchvision import datasets
    tensors = []
    for name in ["train", "valid"]:
        images = datasets.ImageFolder(folder / name)
        x = np.stack([np.asarray(image) for image, _ in images])
        tensors += [torch.tensor(x).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.tensor(images.targets)]
    fit_torch("cifar10", *tensors, seed)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ["split", "mnist", "mnist_torch", "cifar10", "reviews", "reviews_conv", "housing", "housing_mlp"]:
        raise SystemExit(__doc__)
    if sys.argv[1] == "split":
        split(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        globals()[sys.argv[1]](pathlib.Path(sys.argv[2]), int(sys.argv[3]))
