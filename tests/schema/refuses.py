"""Checks that the JSON schema of experiments (`kiln schema`) accepts what is right and refuses what `kiln check` refuses.

    python tests/schema/refuses.py target/release/kiln

Accepted are the bases of mistakes.json and every experiment in configs/; refused is every mistake but those that a schema
cannot tell (`only_check` says why). Needs jsonschema (PyPI) and Python 3.11.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

from jsonschema import Draft202012Validator


def merge(base, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


root = pathlib.Path(__file__).parents[2]
schema = json.loads(subprocess.run([sys.argv[1], "schema"], capture_output=True, check=True).stdout)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
listed = json.loads((root / "tests/schema/mistakes.json").read_text())
right = {f"the base {name}": base for name, base in listed["bases"].items()}
for path in root.glob("configs/*.toml"):
    right[path.name] = tomllib.loads(path.read_text())
wrong = []
for name, experiment in right.items():
    wrong += [f"{name} is refused at {error.json_path}: {error.message[:200]}" for error in validator.iter_errors(experiment)]
refused = 0
for mistake in listed["mistakes"]:
    accepted = validator.is_valid(merge(listed["bases"][mistake["base"]], mistake["patch"]))
    refused += not accepted
    if accepted != ("only_check" in mistake):
        wrong.append(f"{mistake['name']} is {'accepted' if accepted else 'refused, though only_check says that it cannot be'}")
print(f"{len(right)} experiments are accepted, {refused} of {len(listed['mistakes'])} mistakes refused", *wrong, sep="\n")
sys.exit(bool(wrong))
