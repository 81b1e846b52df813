"""Records what scikit-learn and Keras make of small tables and texts, for tests/suite/tables.rs.

    python tables_reference.py sklearn > tables.json      # with scikit-learn
    python tables_reference.py keras > texts.json         # with Keras or TensorFlow

Each case names the options of Kiln that mean the same. Tables are written as CSV; numbers are the net's inputs.
"""
import json
import sys

WORDS = ["the", "cat", "DOG", "it's", "naïve", "Ünder", "x", "don't", "42", "red-hot", "Cat", "end."]


def sentence(draw, count):
    return " ".join(WORDS[i] for i in draw.integers(0, len(WORDS), count))


def rows(items):
    return ",\n".join(json.dumps(item, ensure_ascii=True) for item in items)


def csv_text(header, columns, targets):
    def field(value):
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text
    lines = [",".join(header)]
    lines += [",".join([field(v) for v in row] + [t]) for row, t in zip(zip(*columns), targets)]
    return "\n".join(lines) + "\n"


def sklearn_cases():
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

    draw = np.random.default_rng(3)
    filters = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
    keras_words = str.maketrans({c: " " for c in filters})

    def words(text):
        return [word for word in text.lower().translate(keras_words).split(" ") if word]

    def case(name, options, train, valid, transform):
        """`train` and `valid` are lists of columns; `transform` makes columns into inputs, fitted on train."""
        names = [f"c{i}" for i in range(len(train))] + ["y"]
        fitted, seen = transform(train, valid)
        targets = ["ab"[i % 2] for i in range(max(len(train[0]), len(valid[0])))]
        return {
            "name": name, "options": options,
            "train": csv_text(names, train, targets), "valid": csv_text(names, valid, targets),
            "train_inputs": np.asarray(fitted, dtype=float).tolist(),
            "valid_inputs": np.asarray(seen, dtype=float).tolist(),
        }

    def numbers(count, missing, offset=0.0, scale=1.0):
        values = [round(float(v), 3) for v in offset + scale * draw.normal(size=count)]
        values = [v if draw.uniform() > 0.3 else values[0] for v in values]  # so that one is the most frequent
        return [None if missing and i % 5 == 2 else v for i, v in enumerate(values)]

    def pipeline(*steps):
        def transform(train, valid):
            pipe = make_pipeline(*steps)
            matrix = [np.array(c, dtype=object).T for c in (train, valid)]
            as_floats = [np.where(m == None, np.nan, m).astype(float) for m in matrix]  # noqa: E711
            return pipe.fit_transform(as_floats[0]), pipe.transform(as_floats[1])
        return transform

    for scale, scaler in [("standardize", StandardScaler()), ("min_max", MinMaxScaler()), ("none", None)]:
        for impute, strategy in [("mean", "mean"), ("median", "median"), ("most_frequent", "most_frequent")]:
            # Kiln fits the scale on the numbers that are there, so scikit-learn scales first, then fills in; the mean
            # and the median commute with it.
            steps = ([scaler] if scaler else []) + [SimpleImputer(strategy=strategy)]
            for offset, spread, count in [(0, 1, 23), (1e6, 2.5, 40), (-3, 1e-3, 12)]:
                train = [numbers(count, True, offset, spread), numbers(count, False, offset, spread)]
                valid = [numbers(9, True, offset, spread), numbers(9, False, offset, 3 * spread)]
                yield case(f"{scale}, {impute}, about {offset}", {"scale": scale, "impute": impute}, train, valid,
                           pipeline(*steps))
    yield case("a constant column beside another", {"columns": {"c0": "numeric"}},
               [[7, 7, 7, 7, 7, 7], [1, 2, 3, 4, 5, 6.5]], [[7, 9], [0, 1]], pipeline(StandardScaler()))

    def one_hot(train, valid):
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        matrix = [np.array(c, dtype=object).T for c in (train, valid)]
        return encoder.fit_transform(matrix[0]), encoder.transform(matrix[1])

    letters = ["red", "green", "blue", "Zürich", "a,b", 'say "x"', "10", "Red"]
    train = [[letters[i] for i in draw.integers(0, len(letters), 30)], [letters[i] for i in draw.integers(0, 3, 30)]]
    train[0][:8] = letters
    valid = [letters[:6] + ["unknown", "zz"], ["red", "blue", "green", "new", "red", "Red", "blue", "x"]]
    yield case("categories, some never seen", {}, train, valid, one_hot)

    def frequent(train, valid):
        encoder = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=None),
                                OneHotEncoder(handle_unknown="ignore", sparse_output=False))
        matrix = [np.array(c, dtype=object).T for c in (train, valid)]
        return encoder.fit_transform(matrix[0]), encoder.transform(matrix[1])

    train = [["a", "b", "b", None, "c", "b", None, "a"], ["x", None, "y", "y", "y", "x", "y", "x"]]
    yield case("missing categories become the most frequent", {"impute": "most_frequent"}, train,
               [["a", None, "c"], [None, "x", "y"]], frequent)

    def vectorizer(make):
        def transform(train, valid):
            v = make(lowercase=False, tokenizer=words, token_pattern=None)
            a, b = v.fit_transform(train[0]).toarray(), v.transform(valid[0]).toarray()
            # Kiln's order: the most frequent first, ties by first appearance.
            count = {}
            for word in (w for text in train[0] for w in words(text)):
                count[word] = count.get(word, 0) + 1
            order = sorted(count, key=lambda w: -count[w])
            places = [v.vocabulary_[w] for w in order]
            return a[:, places], b[:, places]
        return transform

    for make, count, more in [(TfidfVectorizer, "tf_idf", {}), (CountVectorizer, "count", {}),
                              (CountVectorizer, "binary", {"binary": True})]:
        train = [[sentence(draw, int(n)) for n in draw.integers(1, 14, 25)]]
        valid = [[sentence(draw, 6), "nothing of this is known", "the the CAT, the", 'tab\there "quoted, text"', "naïve"]]
        yield case(f"words, {count}", {"columns": {"c0": {"role": "text", "count": count}}}, train, valid,
                   vectorizer(lambda make=make, more=more, **k: make(**k, **more)))
    del ColumnTransformer


def keras_cases():
    import numpy as np
    try:
        from tensorflow.keras.preprocessing.sequence import pad_sequences
        from tensorflow.keras.preprocessing.text import Tokenizer
    except ImportError:
        from keras.src.legacy.preprocessing.text import Tokenizer
        from keras.utils import pad_sequences

    draw = np.random.default_rng(4)
    odd = ["", " ", "...", "a  b   c", "tab\tbetween\nlines", "İstanbul ΑΣ ß ﬁ", "日本語 の テスト", "naïve café NAÏVE",
           "emoji 😀 and 👩‍👩‍👧", "don't-stop_me", "\u00a0no\u00a0break", "UPPER lower UPPER", "x" * 40, "1 2 3 1 2 1",
           "\r\nwindows", "a\u0301 á", '"quoted", he said; (or not)', "the " * 30]
    train = odd + [sentence(draw, int(n)) for n in draw.integers(1, 20, 20)]
    texts = odd + [sentence(draw, int(n)) for n in draw.integers(1, 30, 10)] + ["never seen words"]
    for char in [False, True]:
        for lower in [True, False]:
            for oov in [True, False]:
                for vocabulary in [None, 1, 10]:
                    # Keras's num_words counts the padding and the token of unknown words, too.
                    num_words = None if vocabulary is None else vocabulary + 1 + int(oov)
                    tokenizer = Tokenizer(num_words=num_words, oov_token="<oov>" if oov else None, char_level=char,
                                          lower=lower)
                    tokenizer.fit_on_texts(train)
                    sequences = tokenizer.texts_to_sequences(texts)
                    for pad in ["pre", "post"]:
                        for truncate in ["pre", "post"]:
                            tokens = pad_sequences(sequences, maxlen=8, padding=pad, truncating=truncate)
                            yield {"char": char, "lower": lower, "oov": oov, "vocabulary": vocabulary, "pad": pad,
                                   "truncate": truncate, "tokens": tokens.tolist()}
    yield {"train": train, "texts": texts}


if sys.argv[1] == "sklearn":
    import sklearn
    print(f'{{"scikit-learn": "{sklearn.__version__}", "cases": [\n{rows(sklearn_cases())}\n]}}')
else:
    try:
        from tensorflow import keras
    except ImportError:
        import keras
    *cases, texts = keras_cases()
    print(f'{{"keras": "{keras.__version__}", "texts": {json.dumps(texts)}, "cases": [\n{rows(cases)}\n]}}')
