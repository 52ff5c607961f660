"""People on the portal: signing in and out, what that opens, tokens, links, uploads that wait, accounts and settings. Screenshots in build/screenshots/."""
import itertools
import json
import re
import time

import pytest
import requests
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from support.accessible import faults
from support.api import Api
from support.browser import Browser, looks
from support.cluster import ROOT, wait_for
from support.files import pdf
from support.person import Person, sign_in

SHOTS = ROOT / "build" / "screenshots"
WIDTHS = [(320, 700), (360, 800), (768, 1024), (1280, 900)]
numbers = itertools.count(1)


@pytest.fixture
def person(api):
    """Makes accounts with names of their own."""
    def make(role="contributor", **more):
        return Person(api, f"{role}-{next(numbers)}", role, **more)
    return make


@pytest.fixture
def browser(cluster):
    """After the test its console must have held nothing but refusals that the test was about (browser.expected), and all requests must have gone to our own origin."""
    made = Browser(1280, 900)
    made.expected = set()
    yield made
    try:
        unexpected = [entry["message"] for entry in made.console() if not any(f"status of {status}" in entry["message"] for status in made.expected)]
        assert unexpected == []
        assert [url for url in made.requested() if not url.startswith((cluster.url + "/", "blob:", "data:", "chrome", "about:"))] == []
    finally:
        made.close()


@pytest.fixture(autouse=True)
def as_installed(api):
    """Everybody reads, who shares has to sign in, nothing waits."""
    assert api.change_settings(public_read=True, public_upload=False, moderate=False).status_code == 200


def fill_dialog(browser, person, password=None):
    browser.shown("#sign-dialog[open]")
    for field, value in (("#sign-name", person.name), ("#sign-password", password or person.password)):
        element = browser.one(field)
        element.clear()
        element.send_keys(value)
    browser.one("#sign-go").click()


def focused(browser):
    return browser.driver.switch_to.active_element


def no_sideways_scroll(browser):
    return browser.driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def signed_in(browser, person):
    browser.wait(lambda _: person.name in (browser.one("#who").text or ""), f"{person.name} stands in the header")


# ---- the dialog

def test_somebody_signs_in_by_keyboard_and_out_again(browser, cluster, person):
    someone = person()
    browser.open(cluster.url + "/")
    browser.shown("#sign-in")
    for _ in range(12):
        focused(browser).send_keys(Keys.TAB) if focused(browser).tag_name != "body" else browser.one("body").send_keys(Keys.TAB)
        if focused(browser).get_attribute("id") == "sign-in":
            break
    focused(browser).send_keys(Keys.ENTER)
    browser.shown("#sign-dialog[open]")
    browser.wait(lambda _: focused(browser).get_attribute("id") == "sign-name", "the name has the focus")
    assert "Finding and reading syllabi needs no account." in browser.text()
    assert browser.one("#sign-name").get_attribute("autocomplete") == "username" and browser.one("#sign-password").get_attribute("autocomplete") == "current-password"
    browser.screenshot(SHOTS / "sign-in-1280.png")
    focused(browser).send_keys(someone.name, Keys.TAB, someone.password, Keys.ENTER)
    signed_in(browser, someone)
    assert not browser.all("#sign-dialog")
    browser.one("#name").send_keys(Keys.ENTER)
    assert browser.one("#name").get_attribute("aria-expanded") == "true" and "contributor" in browser.one("#name-menu").text
    browser.screenshot(SHOTS / "name-menu-1280.png")
    assert "Uploads that wait" not in browser.one("#name-menu").text
    browser.one("#name").send_keys(Keys.ESCAPE)
    assert not browser.one("#name-menu").is_displayed() and focused(browser).get_attribute("id") == "name"
    browser.one("#name").click()
    browser.one("#sign-out").click()
    browser.shown("#sign-in")
    assert browser.driver.get_cookie("sid") is None


def test_nothing_secret_is_kept_where_scripts_can_read_it(browser, cluster, person):
    someone = person()
    browser.open(cluster.url + "/")
    browser.shown("#sign-in").click()
    fill_dialog(browser, someone)
    signed_in(browser, someone)
    cookie = browser.driver.get_cookie("sid")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    kept = browser.driver.execute_script("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert cookie["value"] not in kept and someone.password not in kept and "sid" not in kept
    assert someone.password not in browser.driver.page_source and "password" not in browser.driver.current_url


def test_a_wrong_password_says_so_and_too_many_say_when(browser, cluster, person):
    browser.expected = {401, 429}
    someone = person()
    browser.open(cluster.url + "/")
    browser.shown("#sign-in").click()
    fill_dialog(browser, someone, "quite wrong indeed")
    browser.says("That did not match.")
    assert "capital letters count" in browser.text() and focused(browser).get_attribute("id") == "sign-password"
    browser.screenshot(SHOTS / "sign-in-wrong-1280.png")
    for _ in range(12):
        fill_dialog(browser, someone, "quite wrong indeed")
        browser.wait(lambda _: browser.one("#sign-go").get_attribute("aria-disabled") is None, "it is answered")
        if "Too many tries" in browser.text():
            break
    assert re.search(r"Too many tries\. Again possible in \d+ s\.", browser.text())
    browser.screenshot(SHOTS / "sign-in-limited-1280.png")
    first = int(re.search(r"possible in (\d+) s", browser.text())[1])
    browser.wait(lambda _: int((re.search(r"possible in (\d+) s", browser.text()) or [0, first])[1]) < first, "the seconds are counted", 4)
    browser.one("#sign-cancel").click()
    assert focused(browser).get_attribute("id") == "sign-in", "the focus is where it was"


def test_empty_fields_are_named(browser, cluster):
    browser.open(cluster.url + "/")
    browser.shown("#sign-in").click()
    browser.shown("#sign-go").click()
    browser.says("Type your name.")
    assert focused(browser).get_attribute("aria-invalid") == "true" and "Type your password." in browser.text()


# ---- in the middle of things

def test_sharing_asks_to_sign_in_over_the_form_and_goes_on(browser, cluster, api, person, tmp_path):
    someone = person()
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf("over the form"))
    course = f"OVER {next(numbers)}"
    browser.open(cluster.url + "/share")
    browser.shown("#course").send_keys(course)
    browser.one("#title").send_keys("Kept title")
    browser.one("#file").send_keys(str(file))
    browser.one("#share-button").click()
    browser.shown("#sign-dialog[open]")
    assert "Sign in to share" in browser.text()
    browser.screenshot(SHOTS / "share-sign-in-1280.png")
    browser.one("#sign-cancel").click()
    browser.says("Nothing was shared: that takes signing in.")
    assert browser.one("#title").get_attribute("value") == "Kept title"
    browser.one("#share-button").click()
    fill_dialog(browser, someone)
    browser.says("Your syllabus is shared.", 20)
    assert api.course(course).json()["current"]["uploader"] == someone.name
    assert api.course(course).json()["current"]["title"] == "Kept title"


def test_a_session_that_ends_in_the_middle_is_asked_for_again(browser, cluster, api, person):
    browser.expected = {401}
    someone = person()
    course = f"ENDS {next(numbers)}"
    Api(cluster.url, token=token_of(cluster, someone)).upload(course, pdf("ends"))
    browser.open(cluster.url + "/s/" + course.replace(" ", "%20"))
    sign_in(browser, cluster.url, someone)
    browser.driver.refresh()
    browser.shown("#remove")
    end_sessions(cluster, someone)
    browser.shown("#remove").click()
    browser.shown("#ask-yes").click()
    browser.shown("#sign-dialog[open]", 10)
    assert "Sign in to go on" in browser.text()
    fill_dialog(browser, someone)
    browser.says("The syllabus was taken down.", 15)
    assert api.course(course).json()["current"]["deleted"]


def test_a_session_that_is_over_still_lets_people_read(browser, cluster, api, person):
    browser.expected = {401}
    someone = person()
    api.upload("READ ON 1", pdf("read on"), title="Read On")
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, someone)
    end_sessions(cluster, someone)
    browser.open(cluster.url + "/s/READON1")
    browser.says("Read On")
    browser.shown("#sign-in")


def token_of(cluster, someone, **more):
    """An API token of somebody's own, made by themselves."""
    made = requests.Session()
    made.trust_env = False
    answer = made.post(cluster.url + "/api/v1/session", json={"name": someone.name, "password": someone.password})
    answer = made.post(cluster.url + "/api/v1/tokens", json={"label": "test", "acts": ["read", "upload", "alter", "link"], **more},
                       headers={"RB-CSRF": answer.json()["csrf"], "Origin": cluster.url})
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


def end_sessions(cluster, someone):
    """All of somebody's sessions end, as if they pressed "everywhere" on another machine."""
    made = requests.Session()
    made.trust_env = False
    answer = made.post(cluster.url + "/api/v1/session", json={"name": someone.name, "password": someone.password})
    done = made.delete(cluster.url + "/api/v1/sessions", headers={"RB-CSRF": answer.json()["csrf"], "Origin": cluster.url})
    assert done.status_code == 204, done.text


# ---- what is offered to whom

def test_only_what_leads_somewhere_is_offered(browser, cluster, api, person):
    owner, other, reader, maintainer = person(), person(), person("reader"), person("maintainer")
    course = f"OWN {next(numbers)}"
    mine = Api(cluster.url, token=token_of(cluster, owner))
    mine.upload(course, pdf("one"))
    mine.upload(course, pdf("two"))
    page = cluster.url + "/s/" + course.replace(" ", "%20")
    for who, sees_alter, sees_links in ((None, False, False), (reader, False, False), (other, False, True), (owner, True, True), (maintainer, True, True)):
        browser.driver.delete_all_cookies()
        browser.open(page)
        if who:
            sign_in(browser, cluster.url, who)
            browser.open(page)
            signed_in(browser, who)
        browser.shown("#history li")
        if sees_links:
            browser.shown("#links-card")
        time.sleep(0.3)
        assert browser.one("#remove").is_displayed() == sees_alter, who and who.name
        assert bool([b for b in browser.all("[data-do=restore]") if b.is_displayed()]) == sees_alter
        assert bool(browser.all("#links-card")) == sees_links


def test_a_binder_that_is_closed_asks_first(browser, cluster, api, person):
    browser.expected = {401}
    someone = person("reader")
    api.upload("CLOSED 1", pdf("closed"), title="Closed Doors")
    assert api.change_settings(public_read=False).status_code == 200
    browser.open(cluster.url + "/s/CLOSED1")
    browser.shown("#sign-dialog[open]")
    assert "Sign in to read" in browser.text() and "Finding and reading syllabi needs no account." not in browser.text()
    assert "Closed Doors" not in browser.text()
    fill_dialog(browser, someone)
    browser.says("Closed Doors")


# ---- the account

def test_a_token_is_shown_once_and_can_be_taken_back(browser, cluster, person):
    someone = person()
    browser.open(cluster.url + "/account")
    browser.says("This page takes signing in.")
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/account")
    browser.says("You have no token.")
    browser.shown("#token-new").click()
    browser.one("#token-make").click()
    browser.says("Say what it is for")
    browser.one("#token-label").send_keys("nightly job")
    browser.screenshot(SHOTS / "account-token-form-1280.png")
    browser.one("#token-make").click()
    text = browser.shown("#token-text").get_attribute("value")
    assert re.fullmatch(r"rb_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", text) and focused(browser).get_attribute("id") == "token-copy"
    browser.screenshot(SHOTS / "account-token-1280.png")
    assert Api(cluster.url, token=text).get("/api/v1/session").json()["user"] == someone.name
    browser.driver.refresh()
    browser.says("nightly job")
    assert text not in browser.driver.page_source
    browser.shown("[data-do=revoke]").click()
    browser.shown("#question[open]")
    assert focused(browser).text == "Leave it", "the harmless button has the focus"
    browser.one("#sure").click()
    browser.wait(lambda _: browser.one("#tokens li").text.endswith("taken back"), "the token is taken back")
    assert Api(cluster.url, token=text).get("/api/v1/session").status_code == 401


def test_a_password_is_changed_and_other_sessions_end(browser, cluster, person):
    browser.expected = {403, 422}
    someone = person()
    other = requests.Session()
    other.trust_env = False
    other.post(cluster.url + "/api/v1/session", json={"name": someone.name, "password": someone.password})
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/account")
    browser.shown("#old").send_keys("not this one at all")
    browser.one("#new").send_keys("a riverbed of cork")
    browser.one("#password-go").click()
    browser.says("The present password is another one.")
    browser.one("#old").clear()
    browser.one("#old").send_keys(someone.password)
    browser.one("#password-go").click()
    browser.says("The password is changed.")
    assert other.get(cluster.url + "/api/v1/session").json()["user"] is None
    someone.password = "a riverbed of cork"
    browser.one("#out-everywhere").click()
    browser.shown("#sign-in")
    browser.one("#sign-in").click()
    fill_dialog(browser, someone)
    signed_in(browser, someone)


def test_what_somebody_uploaded_is_exported_and_removed(browser, cluster, api, person):
    someone = person()
    course = f"MINE {next(numbers)}"
    Api(cluster.url, token=token_of(cluster, someone)).upload(course, pdf("mine"))
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/account")
    browser.shown("#export").click()
    saved = wait_for(lambda: next((p for p in browser.downloads.iterdir() if p.suffix == ".jsonl"), None), 10, "the export")
    wait_for(lambda: saved.read_text().endswith("\n"), 5, "all of it")
    lines = [json.loads(line) for line in saved.read_text().splitlines()]
    assert [line["record"]["course"] for line in lines if line["is"] == "version"] == [course]
    browser.one("#erase").click()
    browser.shown("#question[open]")
    browser.screenshot(SHOTS / "account-erase-1280.png")
    browser.one("#sure").click()
    browser.says("1 version is removed.", 15)
    assert api.bytes(course).status_code in (404, 410)


# ---- links

def test_a_link_is_made_given_away_and_revoked(browser, cluster, api, person):
    browser.expected = {403}
    someone = person()
    course = f"LINK {next(numbers)}"
    body = pdf("linked")
    Api(cluster.url, token=token_of(cluster, someone)).upload(course, body, filename="Straße 1.pdf")
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/s/" + course.replace(" ", "%20"))
    browser.shown("#link-new").click()
    browser.one("#link-label").send_keys("exchange office")
    browser.one("#link-password").send_keys("short")
    browser.one("#link-make").click()
    browser.says("A password has at least 8 characters.")
    browser.one("#link-password").clear()
    browser.one("#link-password").send_keys("grüne Kähne")
    Select(browser.one("#link-until")).select_by_visible_text("30 days")
    browser.one("#link-downloads").send_keys("5")
    browser.screenshot(SHOTS / "link-form-1280.png")
    browser.one("#link-make").click()
    browser.says("The link is made.")
    address = browser.shown("#links .copy input").get_attribute("value")
    browser.screenshot(SHOTS / "link-made-1280.png")
    assert address.startswith(cluster.url + "/l/l1.")

    assert api.change_settings(public_read=False).status_code == 200
    browser.driver.delete_all_cookies()
    browser.open(address)
    browser.says("This link is closed.")
    browser.one("#password").send_keys("something else")
    browser.one("#password-go").click()
    browser.says("That did not open it.")
    browser.screenshot(SHOTS / "link-closed-1280.png")
    browser.one("#password").clear()
    browser.one("#password").send_keys("grüne Kähne")
    browser.one("#password-go").click()
    browser.says("Straße 1.pdf")
    saved = wait_for(lambda: next((p for p in browser.downloads.iterdir() if p.suffix == ".pdf"), None), 10, "the download")
    wait_for(lambda: saved.read_bytes() == body, 10, "the same bytes")
    assert "1 of 5 downloads" in links_text(browser, cluster, someone, course)
    browser.shown("#links [data-do=revoke]").click()
    browser.shown("#sure").click()
    browser.says("revoked")
    browser.open(address)
    browser.says("This link is closed.")


def links_text(browser, cluster, someone, course):
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/s/" + course.replace(" ", "%20"))
    browser.shown("#links li")
    return browser.one("#links").text


def test_a_link_without_a_password_gives_the_file_to_anybody(browser, cluster, api):
    browser.expected = {403}
    course = f"OPEN {next(numbers)}"
    api.upload(course, pdf("open"), filename="open.pdf")
    text = api.post(f"/api/v1/courses/{course}/links", json={"expires_s": 600}).json()["text"]
    assert api.change_settings(public_read=False).status_code == 200
    browser.open(f"{cluster.url}/l/{text}")
    browser.says("open.pdf")
    browser.screenshot(SHOTS / "link-open-1280.png")
    browser.one("#link-download").click()
    saved = wait_for(lambda: next((p for p in browser.downloads.iterdir() if p.suffix == ".pdf"), None), 10, "the download")
    wait_for(lambda: saved.read_bytes() == pdf("open"), 10, "the same bytes")
    browser.open(f"{cluster.url}/l/{text[:-1]}{'A' if text[-1] != 'A' else 'B'}")
    browser.says("This link is closed.")


# ---- maintainers and admins

def test_an_upload_waits_until_a_maintainer_accepts_it(browser, cluster, api, person, tmp_path):
    browser.expected = {404}
    assert api.change_settings(moderate=True).status_code == 200
    someone, maintainer = person(), person("maintainer")
    file = tmp_path / "w.pdf"
    file.write_bytes(pdf("waits"))
    course = f"WAITS {next(numbers)}"
    browser.open(cluster.url + "/share")
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/share")
    signed_in(browser, someone)
    browser.one("#course").send_keys(course)
    browser.one("#file").send_keys(str(file))
    browser.one("#share-button").click()
    browser.says("Your syllabus waits for a maintainer.", 20)
    browser.screenshot(SHOTS / "share-waits-1280.png")
    assert api.course(course).status_code == 404
    browser.one("#waits-account").click()
    browser.says("waits for a maintainer")

    browser.driver.delete_all_cookies()
    sign_in(browser, cluster.url, maintainer)
    browser.open(cluster.url + "/waiting")
    row = browser.shown(f'#waiting [data-course="{course}"]')
    browser.screenshot(SHOTS / "waiting-1280.png")
    row.find_element("css selector", "[data-do=accept]").click()
    browser.says(f"{course} is shared.", 15)
    assert api.course(course).json()["current"]["uploader"] == someone.name


def test_an_upload_is_rejected_with_a_reason(browser, cluster, api, person):
    assert api.change_settings(moderate=True).status_code == 200
    someone, maintainer = person(), person("maintainer")
    course = f"REJ {next(numbers)}"
    answer = Api(cluster.url, token=token_of(cluster, someone)).upload(course, pdf("no"))
    assert answer.status_code == 202
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, maintainer)
    browser.open(cluster.url + "/waiting")
    browser.shown(f'#waiting [data-course="{course}"] [data-do=reject]').click()
    browser.shown("#reason").send_keys("an older term")
    browser.one("#sure").click()
    browser.says(f"The upload for {course} is rejected.", 15)
    browser.driver.delete_all_cookies()
    sign_in(browser, cluster.url, someone)
    browser.open(cluster.url + "/account")
    browser.says("not accepted: “an older term”")


def test_an_admin_looks_after_people_and_settings(browser, cluster, api, person):
    browser.expected = {401, 409}
    admin = person("admin")
    name = f"new-{next(numbers)}"
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, admin)
    browser.open(cluster.url + "/people")
    browser.shown(f'#people [data-user="{admin.name}"]')
    browser.screenshot(SHOTS / "people-1280.png")
    browser.one("#person-new").click()
    browser.shown("#person-name").send_keys(name)
    Select(browser.one("#person-role")).select_by_value("maintainer")
    browser.one("#person-scopes").send_keys("CSEN, MATH")
    browser.one("#person-draw").click()
    password = browser.one("#person-password").get_attribute("value")
    assert len(password) == 23
    browser.screenshot(SHOTS / "person-1280.png")
    browser.one("#person-go").click()
    row = browser.shown(f'#people [data-user="{name}"]')
    assert "Maintainer" in row.text and "math" in row.text.lower()
    session = requests.Session()
    session.trust_env = False
    assert session.post(cluster.url + "/api/v1/session", json={"name": name, "password": password}).status_code == 201

    row.find_element("css selector", "[data-do=change]").click()
    browser.shown("#person-disabled").click()
    browser.one("#person-go").click()
    browser.wait(lambda _: "locked" in browser.one(f'#people [data-user="{name}"]').text, "they are locked")
    assert session.get(cluster.url + "/api/v1/session").json()["user"] is None

    browser.one("#moderate").click()
    browser.one("#settings-go").click()
    browser.says("The settings are saved.")
    assert api.get("/api/v1/settings").json()["moderate"] is True
    browser.one("#idle").clear()
    browser.one("#idle").send_keys("900")
    browser.one("#settings-go").click()
    browser.says("This is at most the number below it.")
    browser.one(f'#people [data-user="{name}"] [data-do=change]').click()
    browser.shown("#person-remove").click()
    browser.shown("#sure").click()
    browser.wait(lambda _: not browser.all(f'#people [data-user="{name}"]'), "they are gone")


def test_pages_that_are_not_for_somebody_say_so(browser, cluster, person):
    someone = person()
    browser.open(cluster.url + "/")
    sign_in(browser, cluster.url, someone)
    for page in ("/people", "/waiting"):
        browser.open(cluster.url + page)
        browser.says("Your account may not open this page.")


# ---- every width, both themes

@pytest.mark.parametrize("width, height, dark", looks(WIDTHS))
def test_the_pages_of_people_at_every_width(cluster, api, person, width, height, dark):
    assert api.change_settings(moderate=True).status_code == 200
    admin, sender = person("admin", shown="Prof. Wilhelmina Featherstonehaugh-Cholmondeley"), person()
    Api(cluster.url, token=token_of(cluster, sender)).upload(f"WIDTH {width}", pdf(f"w{width}{dark}"), title="A title that takes some room on a small screen", note="new room")
    api.upload("WIDE 2", pdf("wide two"), title="Wide")
    theme = "dark" if dark else "light"
    browser = Browser(width, height, dark=dark)
    try:
        browser.open(cluster.url + "/")
        browser.shown("#sign-in").click()
        browser.shown("#sign-dialog[open]")
        assert no_sideways_scroll(browser) and faults(browser) == []
        browser.screenshot(SHOTS / f"sign-in-{width}-{theme}.png")
        fill_dialog(browser, admin)
        signed_in_name = browser.shown("#name")
        signed_in_name.click()
        assert no_sideways_scroll(browser) and faults(browser) == []
        browser.screenshot(SHOTS / f"name-menu-{width}-{theme}.png")
        for name, path, words in (("account", "/account", "You have no token."), ("people", "/people", "A maintainer looks first"), ("waiting", "/waiting", "WIDTH"), ("course-signed-in", "/s/WIDE2", "Links to pass on")):
            browser.open(cluster.url + path)
            browser.says(words)
            if name == "account":
                browser.press("#token-new")
            if name == "course-signed-in":
                browser.press("#link-new")
            time.sleep(0.3)
            assert no_sideways_scroll(browser), (name, width)
            assert faults(browser) == [], (name, width)
            browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 1700, "deviceScaleFactor": 1, "mobile": False})
            browser.screenshot(SHOTS / f"{name}-{width}-{theme}.png")
            browser.resize(width, height)
        browser.open(cluster.url + "/people")
        browser.press("#person-new")
        browser.shown("#person[open]")
        assert no_sideways_scroll(browser) and faults(browser) == []
        browser.screenshot(SHOTS / f"person-{width}-{theme}.png")
        assert browser.console() == []
    finally:
        browser.close()
