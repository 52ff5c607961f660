"""The Peers page in a real browser (issue C): who is here, what they share, getting it from the peer one picks; screenshots in build/screenshots/."""
import contextlib
import os
import socket

import pytest
from selenium.webdriver.common.keys import Keys

from support.api import Api
from support.browser import Browser, looks
from support.cluster import ROOT, free_port, wait_for
from support.peers import Peer, content, file_path, search, wait_listed

SHOTS = ROOT / "build" / "screenshots"
SIZES = [(360, 800), (768, 1024), (1280, 900)]
COUNTS = {"one": 16, "two": 13, "three": 13}
BOTH = b"the tenth file, on two peers\n" * 400


class Peers:
    """A cluster and the peers that share a folder there, by the name of the folder."""

    def __init__(self, cluster, base):
        self.cluster, self.base, self.url = cluster, base, cluster.url
        self.api = Api(cluster.url)
        self.by_folder = {}

    def __getitem__(self, folder):
        return self.by_folder[folder]

    def share(self, folder, files):
        """Starts one more peer and waits until its list is known."""
        self.by_folder[folder] = peer = Peer(self.cluster, self.base / folder, files)
        wait_listed(self.api, peer, 10)
        return peer

    def row(self, name):
        return next((row for row in search(self.api, name) if row["name"] == name), None)

    def wait_holders(self, name, count):
        """Waits until as many peers are known to have the same bytes; the row."""
        def look():
            row = self.row(name)
            return row if row and row["sha256"] and len(row["holders"]) == count else None
        return wait_for(look, 20, f"{name} is known on {count} peers")


@pytest.fixture(scope="module")
def peers(homes, tmp_path_factory):
    """Three peers as in the model's report: 16, 13 and 13 files, file9_2.txt on one of them, file10_2.txt on two with the same bytes."""
    made = Peers(homes("ui-peers").up(), tmp_path_factory.mktemp("shared"))
    for number, (folder, count) in enumerate(COUNTS.items()):
        files = {f"file{i}_{number}.txt": content(folder, f"file {i}") for i in range(1, count + 1) if i != 10}
        files["file10_2.txt" if number else "file10_0.txt"] = BOTH if number else content(folder, "file 10")
        made.share(folder, files)
    made.wait_holders("file10_2.txt", 2)
    yield made
    made.cluster.down()


@pytest.fixture
def browser():
    made = Browser(1280, 900)
    yield made
    made.close()


def opened(browser, peers, query=""):
    browser.open(f"{peers.url}/peers{query}")
    browser.wait(lambda _: rows(browser), "rows are shown")


def rows(browser):
    """The names of the rows from top to bottom."""
    return browser.driver.execute_script("return Array.from(document.querySelectorAll('#results > li'), row => row.dataset.name)")


def type_name(browser, words, expected):
    field = browser.shown("#q")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(words)
    browser.wait(lambda _: rows(browser) == expected, f"{words} finds {expected}")


def press_get(browser, name):
    row = next(row for row in browser.all("#results > li") if row.get_attribute("data-name") == name)
    row.find_element("css selector", ".row-button").click()


def saved(browser, name, data):
    path = browser.downloads / name
    wait_for(lambda: path.exists() and path.read_bytes() == data, 10, f"{name} is saved, byte for byte")


def focused(browser):
    return browser.driver.switch_to.active_element


def only(browser, *expected):
    """The console said nothing but what the answers with these statuses make it say."""
    assert [e["message"] for e in browser.console() if not any(f"status of {status}" in e["message"] for status in expected)] == []


def test_who_is_here_and_what_they_share(browser, peers):
    opened(browser, peers)
    for folder, count in COUNTS.items():
        row = browser.wait(lambda _, name=peers[folder].name: next(iter(browser.all(f'#here [data-name="{name}"]')), None), f"{folder} is here")
        assert f"{count} files" in row.text and "here" in row.text
        assert row.get_attribute("data-state") == "here"
    assert browser.one("nav [aria-current=page]").text == "Peers"
    foreign = [u for u in browser.requested() if not u.startswith((peers.url, "blob:", "data:", "chrome", "about:"))]
    assert foreign == []
    only(browser)


def test_a_file_of_one_peer_is_found_and_saved(browser, peers):
    opened(browser, peers)
    type_name(browser, "file9_2", ["file9_2.txt"])
    browser.says("1 file on 1 peer")
    row = browser.one("#results > li")
    assert f"on {peers['three'].name}" in row.text
    assert row.find_element("css selector", "mark").text == "file9_2"
    assert "q=file9_2" in browser.driver.current_url
    press_get(browser, "file9_2.txt")
    saved(browser, "file9_2.txt", content("three", "file 9"))
    only(browser)


def test_one_picks_the_peer_when_several_have_the_same_bytes(browser, peers):
    opened(browser, peers, "?q=file10_2")
    browser.says("same bytes on 2 peers")
    press_get(browser, "file10_2.txt")
    browser.says("Get file10_2.txt from")
    choices = {c.get_attribute("data-source"): c for c in browser.all(".picker label")}
    assert set(choices) == {peers["two"].name, peers["three"].name}
    browser.wait(lambda _: browser.text().count("answers in") == 2, "both were measured")
    choices[peers["three"].name].click()
    browser.screenshot(SHOTS / "peers-pick-1280.png")
    browser.click(".picker [type=submit]", f"Get from {peers['three'].name}")
    saved(browser, "file10_2.txt", BOTH)
    assert any(f"/peers/{h['peer']}/files/file10_2.txt" in u for h in peers.row("file10_2.txt")["holders"] if h["name"] == peers["three"].name
               for u in browser.requested())
    only(browser)


def test_ones_own_peer_is_left_out_and_remembered(browser, peers):
    opened(browser, peers)
    assert any(name.endswith("_0.txt") for name in rows(browser))
    browser.one("#leave-out").click()
    browser.shown("#mine").send_keys(peers["one"].name)
    browser.wait(lambda _: len(rows(browser)) == 25, "the other two's rows")
    assert not any(name.endswith("_0.txt") for name in rows(browser))
    opened(browser, peers)
    browser.wait(lambda _: len(rows(browser)) == 25, "still left out")
    assert "yours" in browser.shown(f'#here [data-name="{peers["one"].name}"]').text
    browser.one("#leave-out").click()
    browser.wait(lambda _: len(rows(browser)) == 41, "all again")
    only(browser)


def test_nothing_is_swapped_under_the_reader(browser, peers):
    two = peers["two"]
    two.write("aside.txt", b"here from the beginning\n")
    wait_listed(peers.api, two)
    try:
        opened(browser, peers)
        before = rows(browser)
        first = browser.one("#results > li .row-button")
        browser.driver.execute_script("arguments[0].focus()", first)
        two.write("aaa.txt", b"new\n")
        two.remove("aside.txt")
        browser.says("1 more file is shared now", 20)
        browser.says("no longer shared", 20)
        assert rows(browser) == before
        assert focused(browser) == first
        browser.one("#fresh").click()
        browser.wait(lambda _: "aaa.txt" in rows(browser) and "aside.txt" not in rows(browser), "the new list")
    finally:
        for name in ("aaa.txt", "aside.txt"):
            (two.folder / name).unlink(missing_ok=True)
        wait_listed(peers.api, two)
    only(browser)


def test_names_from_strangers_are_text(browser, peers):
    evil = "<img src=x onerror=document.title='ran'> \u202etxt.exe"
    two = peers["two"]
    two.write(evil, b"rubbish\n")
    try:
        wait_listed(peers.api, two)
        opened(browser, peers, "?q=img")
        shown = browser.one("#results > li .line-name").text
        assert shown == evil.replace("\u202e", "\ufffd")
        assert browser.all("#results img") == []
        assert "ran" not in browser.driver.title
        press_get(browser, evil)
        wait_for(lambda: any(p.read_bytes() == b"rubbish\n" for p in browser.downloads.iterdir()), 10, "it is saved")
    finally:
        two.remove(evil)
        wait_listed(peers.api, two)
    only(browser)


def test_the_keyboard_alone_is_enough(browser, peers):
    opened(browser, peers)
    browser.one("body").send_keys("/")
    assert focused(browser).get_attribute("id") == "q"
    focused(browser).send_keys("file10_2")
    browser.wait(lambda _: rows(browser) == ["file10_2.txt"], "found")
    focused(browser).send_keys(Keys.ARROW_DOWN)
    button = focused(browser)
    assert button.text.startswith("Get …")
    button.send_keys(Keys.ENTER)
    browser.shown(".picker")
    assert focused(browser).get_attribute("type") == "radio" and button.get_attribute("aria-expanded") == "true"
    focused(browser).send_keys(Keys.ESCAPE)
    browser.wait(lambda _: not browser.all(".picker"), "closed")
    assert focused(browser) == button and button.get_attribute("aria-expanded") == "false"
    button.send_keys(Keys.ENTER)
    browser.shown(".picker")
    focused(browser).send_keys(Keys.ARROW_DOWN)
    chosen = next(c.get_attribute("data-source") for c in browser.all(".picker label") if c.find_elements("css selector", ":checked"))
    focused(browser).send_keys(Keys.TAB)
    assert focused(browser).text == f"Get from {chosen}"
    focused(browser).send_keys(Keys.ENTER)
    saved(browser, "file10_2.txt", BOTH)
    browser.one("#q").send_keys(Keys.ESCAPE)
    browser.wait(lambda _: len(rows(browser)) > 1, "cleared")
    only(browser)


def test_a_long_list_comes_page_by_page(browser, peers):
    many = peers.share("many", {f"lecture-{i:02}.txt": content("many", str(i)) for i in range(60)})
    try:
        opened(browser, peers, "?q=lecture")
        browser.says("The first 50 files")
        more = browser.shown("#more")
        more.click()
        browser.says("60 files on 1 peer")
        assert rows(browser) == [f"lecture-{i:02}.txt" for i in range(60)]
        assert focused(browser) == browser.all("#results .row-button")[50]
        before = browser.driver.execute_script("return performance.now()")
        looks = "return performance.getEntriesByType('resource').filter(one => one.name.includes('/peers/files') && one.startTime > arguments[0]).length"
        browser.wait(lambda _: browser.driver.execute_script(looks, before) > 0, "the list was looked at again")
        browser.driver.execute_async_script("setTimeout(arguments[0], 300)")
        assert not browser.one("#fresh").is_displayed() and not more.is_displayed()
        assert len(rows(browser)) == 60
    finally:
        peers.cluster.kill(many.name)
    only(browser)


@pytest.mark.parametrize("width, height, dark", looks(SIZES))
def test_the_page_at_every_width(peers, width, height, dark):
    browser = Browser(width, height, dark=dark)
    try:
        for name, query, words in (("peers", "?q=file10", "3 files on 3 peers"), ("peers-nothing", "?q=qqqq", "No peer here shares a file named “qqqq”.")):
            browser.open(f"{peers.url}/peers{query}")
            browser.says(words)
            browser.says("Here now")
            assert browser.driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth"), (name, width)
            browser.screenshot(SHOTS / f"{name}-{width}-{'dark' if dark else 'light'}.png")
        only(browser)
    finally:
        browser.close()


def test_a_peer_that_left_is_said_and_another_one_offered(browser, peers):
    data = os.urandom(3000)
    one, two = (peers.share(folder, {"parting.bin": data}).name for folder in ("stays", "leaves"))
    peers.wait_holders("parting.bin", 2)
    opened(browser, peers, "?q=parting")
    press_get(browser, "parting.bin")
    browser.click(".picker label", two)
    peers.cluster.kill(two)
    wait_for(lambda: len(peers.row("parting.bin")["holders"]) == 1, 20, "the index knows that it left")
    browser.click(".picker [type=submit]", f"Get from {two}")
    browser.says(f"{two} left while you were fetching. Get it from {one} instead?")
    assert "get-note" in focused(browser).get_attribute("class")
    browser.screenshot(SHOTS / "peers-gone-1280.png")
    browser.click(".get-note button", f"Get from {one}")
    saved(browser, "parting.bin", data)
    browser.wait(lambda _: browser.one(f'#here [data-name="{two}"]').get_attribute("data-state") == "gone", "it left the list of who is here", 20)
    peers.cluster.kill(one)
    only(browser, 410)


def test_what_many_fetch_is_kept_in_the_ring_and_outlives_its_peer(browser, peers):
    data = os.urandom(5000)
    name = peers.share("popular", {"popular.bin": data}).name
    holder = peers.wait_holders("popular.bin", 1)["holders"][0]["peer"]
    opened(browser, peers, "?q=popular")
    for _ in range(3):
        assert peers.api.get(file_path(holder, "popular.bin")).content == data
    browser.says("also kept in the ring", 30)
    peers.cluster.kill(name)
    browser.wait(lambda _: "kept in the ring" in browser.text() and "also kept" not in browser.text(), "only the ring has it", 30)
    press_get(browser, "popular.bin")
    saved(browser, "popular.bin", data)
    only(browser)


@contextlib.contextmanager
def registered(cluster, name):
    """A peer of the line protocol that says it has a file of this name."""
    with socket.create_connection(("127.0.0.1", cluster.processes()["coordinator-1"]["index_port"]), timeout=10) as sock, sock.makefile("rwb") as talk:
        me = int(talk.readline())
        for command in (f"LISTEN:{me}:9000", f"REGISTER:{me}:{name}"):
            talk.write(command.encode() + b"\n")
            talk.flush()
            assert talk.readline() == b"DONE\n"
        yield f"plain-{me}"


def test_nobody_is_here_until_somebody_shares(homes, tmp_path):
    lonely = Peers(homes("ui-nobody", RB_COORDINATORS=1, RB_INDEX_PORT=free_port()).up(), tmp_path)
    browser = Browser(360, 800)
    try:
        browser.open(f"{lonely.url}/peers")
        browser.says("No peer is here right now.")
        browser.says("ringbinder share ~/Syllabi")
        browser.screenshot(SHOTS / "peers-empty-360.png")
        name = lonely.share("first", {"hello.txt": b"hello\n"}).name
        browser.says("1 file on 1 peer", 15)
        browser.says(name)
        assert "No peer is here" not in browser.text()
        lonely.cluster.kill("redis")
        browser.says("The index of peers is away.", 20)
        assert rows(browser) == ["hello.txt"]
        lonely.cluster.start("redis")
        browser.wait(lambda _: "The index of peers is away." not in browser.text() and "1 file on 1 peer" in browser.text(), "back by itself", 40)
        with registered(lonely.cluster, "old notes.txt") as peer:
            wait_for(lambda: lonely.row("old notes.txt"), 10, "the index knows the file of the old peer")
            opened(browser, lonely, "?q=old")
            row = browser.one("#results > li")
            assert f"on {peer}" in row.text and "only over the line protocol" in row.text
            assert not row.find_element("css selector", ".row-button").is_displayed()
            assert row.find_element("css selector", ".line-name").size["width"] > 200, "the name has the room that no button needs"
            browser.screenshot(SHOTS / "peers-plain-360.png")
        only(browser, 503)
    finally:
        browser.close()
        lonely.cluster.down()
