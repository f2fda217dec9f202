r"""Compare count and predict models as Levy, Goldberg and Dagan (2015) do, on one corpus.

PPMI, SVD, SGNS and GloVe over windows and knobs, from one configuration file and with one
vocabulary; the tables of the paper with means over the seeds and intervals, and whether its
trends are seen. Scores are kept in the work folder, so a stopped run goes on::

    python -m eval.levy2015 --corpus en.txt --data DATA --work DIR \
        [--config eval/configs/levy2015.toml] [--methods ppmi,svd,sgns,glove]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.levy_models import Model, Study, key_of, models_of, train
from eval.levy_scores import score
from eval.levy_tables import (
    TRENDS,
    Scores,
    markdown,
    multiplication_lines,
    table,
    trend_lines,
)
from eval.record import run_record, save_record

if TYPE_CHECKING:
    from embkit.corpus import EncodedCorpus


def stored(model: Model, key: dict[str, Any], work: Path) -> Path:
    """Return where a model's scores are kept."""
    text = json.dumps(key, sort_keys=True)
    return work / f"{model.method}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def run_all(
    models: list[Model],
    corpus: EncodedCorpus,
    study: Study,
    given: argparse.Namespace,
    rules: dict[str, Any],
) -> Scores:
    """Train and score what is not stored yet; return the scores of all models."""
    digest = corpus.provenance().get("digest") or f"{len(corpus.ids)} tokens"
    settings = f"{digest}, {sorted(rules.items())}"
    paths = {
        model: stored(model, key_of(model, study, settings), given.work) for model in models
    }
    groups: dict[Model, list[Model]] = {}
    for model in models:
        if not paths[model].exists():
            groups.setdefault(model.training, []).append(model)
    for number, group in enumerate(groups.values(), 1):
        start = time.perf_counter()
        for model, vectors in train(group, corpus, study):
            points = score(vectors, given.data, **rules)
            partial = paths[model].with_suffix(".part")
            partial.write_text(json.dumps(points), encoding="utf-8")
            partial.replace(paths[model])
        seconds = time.perf_counter() - start
        told = f"{group[0].method} {group[0].training.label} seed={group[0].seed}"
        print(f"{number}/{len(groups)} {told}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return {m: json.loads(p.read_text(encoding="utf-8")) for m, p in paths.items()}


def main() -> None:
    """Parse, run what is left to run, print the tables, write record and tables."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    from embkit.config import VocabularyConfig
    from embkit.corpus import encode

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path("eval/configs/levy2015.toml"))
    parser.add_argument("--methods", default="ppmi,svd,sgns,glove")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("eval/results/levy2015.json"))
    given = parser.parse_args()
    config = tomllib.loads(given.config.read_text(encoding="utf-8"))
    given.work.mkdir(parents=True, exist_ok=True)
    corpus = encode(given.corpus, config=VocabularyConfig(min_count=config["min_count"]))
    study = Study(config["dim"], given.threads, config["sgns"], config["glove"])
    chosen = given.methods.split(",")
    by_table: dict[str, list[Model]] = {}
    for run in config["runs"]:
        found = [m for m in models_of(run, config["seeds"]) if m.method in chosen]
        by_table.setdefault(run["table"], []).extend(found)
    models = list(dict.fromkeys(model for found in by_table.values() for model in found))
    rules = {"words": config["analogy_words"], "epsilon": config["epsilon"]}
    scores = run_all(models, corpus, study, given, rules)
    tables = {name: table(found, scores) for name, found in by_table.items() if found}
    trends = [line for trend in TRENDS for line in trend_lines(trend, scores)]
    trends += multiplication_lines(scores)
    about = {
        **config,
        "corpus": given.corpus.name,
        "words": len(corpus.vocabulary),
        "methods": chosen,
    }
    text = markdown(tables, trends, about)
    print(text)
    metrics = {"tables": tables, "trends": trends}
    save_record(run_record(seed=None, config=about, metrics=metrics), given.output)
    given.output.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
