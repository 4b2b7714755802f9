"""Make docs/images: job summaries and the comment on a pull request, as a real run in the sandbox wrote them.

GitHub-flavoured Markdown goes to HTML (cmarkgfm), diagrams through Mermaid's own program (from npm, into
.tools/), and a headless Chromium takes the picture. The look of GitHub's page is a few lines of ours.
Debian's packages for it: chromium, fonts-dejavu-core, fonts-noto-color-emoji, pngquant.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import cmarkgfm  # type: ignore[import-untyped]  # has no types
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]  # has no types

from gl2gh_batch.batch.inventories import discovered
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.interfaces.approval import plan_digest
from gl2gh_batch.interfaces.demo import occupy
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.wiring import wire
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.output.plan_comment import ReviewedPlan, plan_comment
from gl2gh_batch.output.summary import job_summary
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.seeds import SAMPLES

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from chromium import find_chromium, open_tab  # type: ignore[import-not-found]  # noqa: E402 - the tests' browser

IMAGES: Final = ROOT / "docs/images"
MERMAID: Final = "mermaid@12.3.0"
MOST_BYTES: Final = 150 * 1024
WIDTH: Final = 1180
STYLE: Final = """
body { margin: 0; padding: 24px; background: #fff; color: #1f2328; max-width: 1132px;
  font: 14px/1.5 -apple-system, "Segoe UI", "DejaVu Sans", "Liberation Sans", sans-serif; }
h2 { font-size: 21px; border-bottom: 1px solid #d1d9e0; padding-bottom: 6px; margin: 8px 0 14px; }
h3 { font-size: 17px; margin: 22px 0 10px; }
table { border-collapse: collapse; display: block; width: max-content; max-width: 100%; margin-bottom: 14px; }
th, td { border: 1px solid #d1d9e0; padding: 5px 11px; vertical-align: top; }
tr:nth-child(2n) td { background: #f6f8fa; }
code { background: #eff1f3; border-radius: 6px; padding: 2px 5px;
  font: 12px/1.4 "DejaVu Sans Mono", monospace; }
a { color: #0969da; text-decoration: none; }
blockquote { border-left: 4px solid #d1d9e0; margin: 0; padding: 0 14px; color: #59636e; }
"""


def page(markdown: str, mermaid: str) -> str:
    """The whole HTML page of a Markdown text, its diagrams for Mermaid to draw."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    body = re.sub(
        r'<pre(?: lang="mermaid")?><code(?: class="language-mermaid")?>(gantt.*?)</code></pre>',
        lambda found: f'<pre class="mermaid">{found[1]}</pre>',
        body,
        flags=re.DOTALL,
    )
    script = f"<script>{mermaid}</script><script>mermaid.initialize({{startOnLoad: true}})</script>"
    title = html.escape(markdown.splitlines()[0])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{body}{script}</body></html>"
    )


async def pages(work: Path) -> dict[str, str]:
    """The Markdown of each picture, from one batch of samples that is discovered, planned and applied."""
    redactor = Redactor()
    async with Sandbox(projects=[str(one) for one in SAMPLES], profile="github.com") as sandbox:
        await occupy(sandbox)
        inputs = {
            "project_ids": ",".join(str(one.id) for one in sandbox.gitlab.projects.values()),
            "gitlab_url": sandbox.gitlab_url,
            "gitlab_token": sandbox.gitlab_token,
            "github_url": sandbox.github_url,
            "github_api_url": sandbox.github_api_url,
            "github_token": sandbox.github_token,
            "target_owner": sandbox.owner,
            "work_dir": str(work),
        }
        results: dict[str, Any] = {}
        for mode in (MigrationMode.DISCOVER_ONLY, MigrationMode.PLAN_ONLY, MigrationMode.APPLY):
            batch = wire({**inputs, "mode": mode.value})
            results[mode] = (await run_batch(batch, redactor, lambda _: None)).result
    inventory = discovered(work, results[MigrationMode.DISCOVER_ONLY])
    plan = ReviewedPlan(
        name="batch.yml",
        digest=plan_digest(work),
        run_id=4711,
        artifact="gl2gh-plan",
        head_sha="3f9c1b2a7d5e4f60",
    )
    run_url = "https://github.com/acme/migration/actions/runs/4711"
    return {
        "inventory": job_summary(results[MigrationMode.DISCOVER_ONLY], inventory=inventory),
        "plan-comment": plan_comment(results[MigrationMode.PLAN_ONLY], plan, run_url=run_url),
        "summary": job_summary(results[MigrationMode.APPLY]),
    }


def mermaid_source() -> str:
    """Mermaid's program, installed at the first use."""
    home = ROOT / ".tools/screenshots"
    script = home / "node_modules/mermaid/dist/mermaid.min.js"
    if not script.is_file():
        home.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(home), "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*command, "--loglevel=error", MERMAID], check=True)
    return script.read_text("utf-8").replace("</script", "<\\/script")


async def shoot(program: str, source: str, target: Path, folder: Path) -> None:
    """Take the picture of a page, as high as its content."""
    file = folder / f"{target.stem}.html"
    file.write_text(source, "utf-8")
    async with open_tab(program, folder) as tab:
        await tab.size(WIDTH, 800)
        await tab.open(file.as_uri())
        await tab.until("!document.querySelector('pre.mermaid:not([data-processed])')")
        await tab.until(
            "[...document.querySelectorAll('pre.mermaid')].every(one => one.querySelector('svg'))"
        )
        assert not tab.complaints, tab.complaints
        await tab.size(WIDTH, int(await tab.run("document.documentElement.scrollHeight")))
        await tab.screenshot(target)


def shrink(path: Path) -> None:
    """Make the file small; raises SystemExit where it stays too large for a repository."""
    if program := shutil.which("pngquant"):
        command = [program, "--force", "--skip-if-larger", "--strip", "--output", str(path), "64", str(path)]
        subprocess.run(command, check=False)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes: install pngquant, or show less")


async def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES, help="folder for the pictures")
    to: Path = parser.parse_args().to
    program = find_chromium()
    if program is None:
        raise SystemExit("there is no chromium: install Debian's package of that name")
    to.mkdir(parents=True, exist_ok=True)
    mermaid = mermaid_source()
    with tempfile.TemporaryDirectory() as folder:
        for name, markdown in (await pages(Path(folder) / "gl2gh-work")).items():
            target = to / f"{name}.png"
            await shoot(program, page(markdown, mermaid), target, Path(folder))
            shrink(target)
            print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    asyncio.run(main())
