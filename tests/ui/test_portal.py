"""The main job in a real browser (issue A, shows 10); screenshots in build/screenshots/."""
import urllib.parse

import pytest
from selenium.webdriver.common.keys import Keys

from support.api import Api
from support.browser import Browser, looks
from support.cluster import ROOT, wait_for
from support.files import pdf
from support.person import Person, sign_in

SHOTS = ROOT / "build" / "screenshots"
SIZES = [(360, 800), (768, 1024), (1440, 900)]


@pytest.fixture
def browser(request):
    """A browser; after the test its console must have been silent and all requests to our own origin (or blob:, data:)."""
    made = Browser(*getattr(request, "param", (1440, 900)))
    yield made
    try:
        assert made.console() == []
        cluster = request.getfixturevalue("cluster")
        foreign = [u for u in made.requested() if not u.startswith((cluster.url, "blob:", "data:", "chrome", "about:"))]
        assert foreign == []
    finally:
        made.close()


def as_admin(browser, cluster, name):
    """Signs the browser in, as an account of its own."""
    sign_in(browser, cluster.url, Person(Api(cluster.url), name, "admin"))


def share(browser, cluster, course, path, **fields):
    browser.open(cluster.url + "/share")
    as_admin(browser, cluster, "sharer-" + course.replace(" ", "-").lower())
    fill_and_share(browser, cluster, course, path, **fields)


def fill_and_share(browser, cluster, course, path, **fields):
    """What somebody does who is signed in."""
    browser.open(cluster.url + "/share")
    browser.shown("#course").send_keys(course)
    for name, value in fields.items():
        browser.one(f"#{name}").send_keys(value)
    browser.one("#file").send_keys(str(path))
    browser.one("#share-button").click()


def no_sideways_scroll(browser):
    return browser.driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_share_find_preview_and_download(browser, cluster, api, tmp_path):
    body = pdf("Marine Botany", padding=400_000)
    file = tmp_path / "marine.pdf"
    file.write_bytes(body)
    browser.driver.set_network_conditions(latency=20, download_throughput=2_000_000, upload_throughput=300_000)
    share(browser, cluster, "MARB 214", file, title="Marine Botany", instructor="P. Delgado", term="2026 Fall")
    bar = browser.shown("#progress [role=progressbar], #progress progress, progress#progress, #progress[role=progressbar]")
    seen = set()
    browser.wait(lambda _: seen.add(progress_value(bar)) or len(seen) >= 3 or done(browser), "progress moves")
    browser.screenshot(SHOTS / "share-sending-1440.png")
    browser.says("Your syllabus is shared.", 30)
    assert len(seen) >= 3, f"progress was seen at {seen} only"
    browser.driver.delete_network_conditions()
    assert "written to disk on 3 of 3 machines" in browser.text()
    browser.screenshot(SHOTS / "share-done-1440.png")

    browser.open(cluster.url + "/")
    browser.shown("#q").send_keys("mar")
    browser.says("Marine Botany")
    browser.says("1 course")
    browser.screenshot(SHOTS / "find-typing-1440.png")
    browser.click("#results a", "Marine Botany")
    browser.says("Current syllabus")
    browser.shown("#preview")
    browser.wait(lambda _: "3 copies on 3 machines" in browser.text(), "copies are told")
    browser.screenshot(SHOTS / "course-1440.png")
    browser.shown("#download").click()
    saved = wait_for(lambda: next((p for p in browser.downloads.iterdir() if p.suffix == ".pdf"), None), 10, "the download")
    wait_for(lambda: saved.read_bytes() == body, 10, "the same bytes")


def progress_value(bar):
    try:
        return bar.get_attribute("aria-valuenow") or bar.get_attribute("value")
    except Exception:  # the bar goes away when sending ends
        return None


def done(browser):
    return "Your syllabus is shared." in browser.text()


@pytest.mark.parametrize("width, height, dark", looks(SIZES))
def test_every_page_at_every_width(cluster, api, width, height, dark):
    api.upload("WIDE 1", pdf("first"), title="Wide Screens", instructor="A. Amer", term="2026 Fall")
    api.upload("WIDE 1", pdf("second"), title="Wide Screens", instructor="A. Amer", term="2026 Fall", note="room changed")
    browser = Browser(width, height, dark=dark)
    try:
        for name, path, words in (("find", "/", "Find a course"), ("share", "/share", "Share a syllabus"), ("course", "/s/WIDE%201", "Wide Screens"),
                                  ("cluster", "/cluster", "node-2"), ("nothing", "/?q=qqqq%20zzz", "Nothing is filed under")):
            browser.open(cluster.url + path)
            browser.says(words)
            assert no_sideways_scroll(browser), (name, width)
            browser.screenshot(SHOTS / f"{name}-{width}-{'dark' if dark else 'light'}.png")
        browser.open(cluster.url + "/no-such-page")
        browser.says("No such page in this binder.")
        severe = [e for e in browser.console() if "404" not in e["message"]]
        assert severe == []
    finally:
        browser.close()


def test_the_keyboard_alone_is_enough(browser, cluster, api):
    api.upload("KEYB 77", pdf("keys"), title="Keyboard Studies")
    browser.open(cluster.url + "/")
    browser.says("Find a course")
    body = browser.one("body")
    body.send_keys("/")
    field = browser.driver.switch_to.active_element
    assert field.get_attribute("id") == "q"
    field.send_keys("keyb")
    browser.wait(lambda _: any("Keyboard Studies" in r.text for r in browser.all("#results a")), "found")
    field.send_keys(Keys.ARROW_DOWN)
    first = browser.driver.switch_to.active_element
    assert first.tag_name == "a" and "KEYB" in first.text
    first.send_keys(Keys.ENTER)
    browser.says("Keyboard Studies")
    browser.wait(lambda _: "/s/" in browser.driver.current_url, "the course page")


def test_a_file_that_is_not_what_it_says_is_refused_and_nothing_is_lost(cluster, tmp_path):
    browser = Browser()
    try:
        file = tmp_path / "syllabus.pdf"
        file.write_bytes(b"<!DOCTYPE html><html><body>hello</body></html>")
        share(browser, cluster, "FAKE 1", file, title="Kept title")
        browser.says("This file was not taken.")
        browser.screenshot(SHOTS / "share-refused-1440.png")
        assert browser.one("#title").get_attribute("value") == "Kept title"
        assert browser.one("#course").get_attribute("value") == "FAKE 1"
    finally:
        browser.close()


def test_sending_can_be_cancelled(cluster, api, tmp_path):
    browser = Browser()
    try:
        file = tmp_path / "big.pdf"
        file.write_bytes(pdf("big", padding=3_000_000))
        as_admin(browser, cluster, "canceller")
        browser.open(cluster.url + "/share")
        browser.driver.set_network_conditions(latency=20, download_throughput=2_000_000, upload_throughput=200_000)
        browser.shown("#course").send_keys("CANCEL 1")
        browser.one("#file").send_keys(str(file))
        browser.one("#share-button").click()
        cancel = browser.wait(lambda _: next((b for b in browser.all("button") if b.is_displayed() and b.text.strip() == "Cancel"), None), "a Cancel button")
        cancel.click()
        browser.says("Cancelled. Nothing was shared.")
        assert browser.one("#course").get_attribute("value") == "CANCEL 1"
    finally:
        browser.close()
    assert api.course("CANCEL 1").status_code == 404


def test_no_quorum_is_said_with_a_retry_that_gets_through(homes, contract, tmp_path):
    cluster = homes("ui-quorum").up()
    browser = Browser()
    try:
        file = tmp_path / "a.pdf"
        file.write_bytes(pdf("patience"))
        as_admin(browser, cluster, "patient")  # accounts are on the machines too: without two of them nobody signs in
        for name in ("node-1", "node-2"):
            cluster.kill(name)
        fill_and_share(browser, cluster, "WAIT 1", file)
        browser.says("Not shared yet")
        browser.says("1 of 3 machines can write")
        browser.screenshot(SHOTS / "share-quorum-1440.png")
        for name in ("node-1", "node-2"):
            cluster.start(name)
        browser.says("Your syllabus is shared.", 60)
    finally:
        browser.close()
        cluster.down()


def test_old_versions_open_and_come_back(browser, cluster, api):
    api.upload("BACK 5", pdf("first"), note="first text")
    api.upload("BACK 5", pdf("second"), note="second text")
    as_admin(browser, cluster, "restorer")
    browser.open(cluster.url + "/s/" + urllib.parse.quote("BACK 5"))
    browser.says("Version 1")
    row = next(r for r in browser.all("#history > *") if "Version 1" in r.text)
    next(b for b in row.find_elements("css selector", "button, a") if b.text.strip().startswith("Restore")).click()
    dialog = [d for d in browser.all("dialog[open]") if d.is_displayed()]
    if dialog:
        browser.screenshot(SHOTS / "course-restore-1440.png")
        next(b for b in dialog[0].find_elements("css selector", "button") if "Restore" in b.text).click()
    browser.says("Version 3")
    assert api.bytes("BACK 5").content == pdf("first")
