"""Open each page of the built site in Chromium: no error, no dead link, a search that finds, figures that are there.

``python tests/site/check.py docs/_build`` needs ``pip install playwright`` and Debian's ``chromium``; with ``--shots
FOLDER`` it leaves pictures of some pages, narrow and wide, light and dark.
"""

import argparse
import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from playwright import sync_api

SIZES = {"wide": {"width": 1400, "height": 900}, "narrow": {"width": 390, "height": 844}}
SHOWN = ["index.html", "user_guide.html", "coming_from.html", "auto_examples/index.html", "start.html"]
SHOWN += ["generated/skrnn.GRURegressor.html", "auto_examples/plot_first_forecast.html", "troubleshooting.html"]
READ = """() => ({
    links: [...document.querySelectorAll("a[href]")].map(a => a.href),
    ids: [...document.querySelectorAll("[id]")].map(e => e.id),
    broken: [...document.images].filter(i => i.complete && i.naturalWidth == 0).map(i => i.src),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    figures: document.querySelectorAll(".sphx-glr-thumbcontainer img").length,
    warnings: document.querySelectorAll(".system-message, .problematic").length,
})"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


def serve(folder):
    """A server of the folder, and its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


def dead_links(read, home, folder):
    """Links between pages of the site that lead nowhere."""
    for page, found in read.items():
        for link in found["links"]:
            address, place = urldefrag(link)
            if not address.startswith(home):
                continue
            target = unquote(urlsplit(address).path).lstrip("/") or "index.html"
            if target in read and place and unquote(place) not in read[target]["ids"]:
                yield f"{page}: no place #{place} in {target}"
            elif target not in read and not (folder / target).exists():
                yield f"{page}: no page {target}"


def check_pages(browser, home, pages, folder):
    """What each page holds, and what is wrong with it."""
    read, wrong = {}, []
    page = browser.new_page(viewport=SIZES["wide"])
    page.set_default_timeout(120_000)
    page.on("console", lambda message: message.type == "error" and wrong.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on(
        "response", lambda answer: answer.status >= 400 and wrong.append(f"{page.url}: {answer.status} {answer.url}")
    )
    page.on("request", lambda asked: asked.url.startswith((home, "data:")) or wrong.append(f"asks for {asked.url}"))
    for name in pages:
        page.set_viewport_size(SIZES["wide"])
        page.goto(urljoin(home, name), wait_until="load")
        page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        read[name] = page.evaluate(READ)
        wrong += [f"{name}: image {image} is broken" for image in read[name]["broken"]]
        wrong += [f"{name}: {read[name]['warnings']} messages of docutils"] * bool(read[name]["warnings"])
        page.set_viewport_size(SIZES["narrow"])
        overflow = page.evaluate(READ)["overflow"]
        wrong += [f"{name}: {overflow} pixels wider than a narrow screen"] * (overflow > 1)
    wrong += dead_links(read, home, folder)
    return read, wrong


def check_search(browser, home, word):
    """Whether the search finds the page of a public name."""
    page = browser.new_page()
    page.goto(urljoin(home, f"search.html?q={word}"))
    try:
        page.wait_for_selector("#search-results li a", timeout=60_000)
    except sync_api.TimeoutError:
        return [f"search finds nothing for {word}"]
    hits = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    return [] if any(f"skrnn.{word}.html" in hit for hit in hits) else [f"search does not find {word}: {hits[:5]}"]


def take_shots(browser, home, folder):
    """Pictures of some pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            for name in SHOWN:
                page.goto(urljoin(home, name), wait_until="load")
                page.screenshot(path=folder / f"{name.replace('/', '_')[:-5]}-{size}-{scheme}.png")
            page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--shots", type=Path)
    asked = parser.parse_args()
    site = asked.site.resolve()
    pages = sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))
    pages = [name for name in pages if not name.startswith(("_static", "_downloads"))]
    server, home = serve(site)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        read, wrong = check_pages(browser, home, pages, site)
        wrong += check_search(browser, home, "GRURegressor")
        if asked.shots:
            take_shots(browser, home, asked.shots)
        browser.close()
    server.shutdown()
    examples = len(list((Path(__file__).parents[2] / "examples").glob("plot_*.py")))
    if read["auto_examples/index.html"]["figures"] != examples:
        wrong.append(f"the gallery shows {read['auto_examples/index.html']['figures']} figures of {examples}")
    print(*wrong, f"{len(pages)} pages, {len(wrong)} faults", sep="\n")
    sys.exit(bool(wrong))
