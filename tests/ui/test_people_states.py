"""Pages of people when something is in the way: a session that ends while somebody types, Redis away, somebody who was faster; and by keyboard alone. Screenshots in build/screenshots/."""
import itertools
import time

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from support.accessible import faults
from support.api import Api
from support.browser import Browser
from support.cluster import ROOT, wait_for
from support.files import pdf
from support.people import token
from support.person import Person, sign_in

SHOTS = ROOT / "build" / "screenshots"
numbers = itertools.count(1)


@pytest.fixture
def person(api):
    def make(role="contributor", **more):
        return Person(api, f"state-{role}-{next(numbers)}", role, **more)
    return make


@pytest.fixture
def browser(cluster):
    made = Browser(1280, 900)
    made.expected = set()
    yield made
    try:
        check_console(made)
        assert [url for url in made.requested() if not url.startswith((cluster.url + "/", "blob:", "data:", "chrome", "about:"))] == []
    finally:
        made.close()


@pytest.fixture(autouse=True)
def as_installed(api):
    assert api.change_settings(public_read=True, public_upload=False, moderate=False, quota_user_bytes=None, quota_cluster_bytes=None).status_code == 200


def check_console(browser):
    assert [entry["message"] for entry in browser.console() if not any(f"status of {status}" in entry["message"] for status in browser.expected)] == []


def open_as(browser, url, someone, path):
    browser.open(url + "/404")
    browser.expected.add(404)
    sign_in(browser, url, someone)
    browser.open(url + path)


def end_sessions(url, someone):
    """All of somebody's sessions end, from another machine."""
    http = requests.Session()
    http.trust_env = False
    csrf = http.post(url + "/api/v1/session", json={"name": someone.name, "password": someone.password}).json()["csrf"]
    assert http.delete(url + "/api/v1/sessions", headers={"RB-CSRF": csrf, "Origin": url}).status_code == 204


def fill_dialog(browser, someone):
    browser.shown("#sign-dialog[open]")
    browser.one("#sign-name").send_keys(someone.name)
    browser.one("#sign-password").send_keys(someone.password, Keys.ENTER)


def focused(browser):
    return browser.driver.switch_to.active_element


def tab_to(browser, selector, most=80):
    """Presses Tab until that element has the focus."""
    for _ in range(most):
        if browser.driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return focused(browser)
        focused(browser).send_keys(Keys.TAB)
    raise AssertionError(f"{selector} is not reached by Tab")


# ---- a session ends while somebody types

def test_what_was_typed_goes_on_when_the_same_person_signs_in_again(browser, cluster, person):
    browser.expected |= {401}
    someone = person()
    open_as(browser, cluster.url, someone, "/account")
    browser.shown("#token-new").click()
    browser.one("#token-label").send_keys("half typed")
    browser.one("#token-acts input[value=upload]").click()
    end_sessions(cluster.url, someone)
    browser.one("#token-make").click()
    browser.shown("#sign-dialog[open]")
    assert "Nothing you typed is lost" in browser.text() and browser.one("#account-view").is_displayed()
    browser.screenshot(SHOTS / "account-session-over-1280.png")
    fill_dialog(browser, someone)
    text = browser.shown("#token-text").get_attribute("value")
    mine = Api(cluster.url, token=text).get("/api/v1/session").json()
    assert (mine["user"], mine["how"]) == (someone.name, "token") and "upload" not in mine["may"]


def test_who_does_not_sign_in_again_sees_nothing_of_theirs_and_loses_nothing(browser, cluster, person):
    browser.expected |= {401}
    someone = person()
    open_as(browser, cluster.url, someone, "/account")
    browser.shown("#token-new").click()
    browser.one("#token-label").send_keys("half typed")
    end_sessions(cluster.url, someone)
    browser.one("#token-make").click()
    browser.shown("#sign-cancel").click()
    browser.says("This page takes signing in.")
    assert not browser.one("#account-view").is_displayed() and someone.name not in browser.text()
    browser.one("#state button").click()
    fill_dialog(browser, someone)
    assert browser.shown("#token-label").get_attribute("value") == "half typed"


def test_an_admin_s_dialog_survives_the_end_of_the_session(browser, cluster, api, person):
    browser.expected |= {401}
    admin, name = person("admin"), f"typed-{next(numbers)}"
    open_as(browser, cluster.url, admin, "/people")
    browser.shown("#person-new").click()
    browser.shown("#person-name").send_keys(name)
    end_sessions(cluster.url, admin)
    browser.one("#person-go").click()
    fill_dialog(browser, admin)
    browser.shown(f'#people [data-user="{name}"]')
    assert api.get(f"/api/v1/users/{name}").json()["role"] == "contributor"


# ---- somebody was faster, figures

def test_settings_that_somebody_else_changed_are_not_overwritten(browser, cluster, api, person):
    browser.expected |= {412}
    open_as(browser, cluster.url, person("admin"), "/people")
    browser.shown("#moderate")
    browser.wait(lambda _: browser.one("#idle").get_attribute("value") == "12", "the settings are shown")
    assert api.change_settings(public_upload=True).status_code == 200
    browser.one("#moderate").click()
    browser.one("#settings-go").click()
    browser.says("Somebody else changed the settings meanwhile.")
    browser.screenshot(SHOTS / "settings-race-1280.png")
    assert browser.one("#public_upload").is_selected() and not browser.one("#moderate").is_selected()
    assert api.get("/api/v1/settings").json()["moderate"] is False
    browser.one("#moderate").click()
    browser.one("#settings-go").click()
    browser.says("The settings are saved.")
    now = api.get("/api/v1/settings").json()
    assert now["moderate"] and now["public_upload"]


def test_figures_that_nobody_touched_stay_to_the_byte(browser, cluster, api, person):
    someone, admin = person(), person("admin")
    assert api.change_settings(quota_user_bytes=12_345_678_901, quota_cluster_bytes=98_765_432_109, session_idle_s=12_345).status_code == 200
    assert api.patch(f"/api/v1/users/{someone.name}", json={"quota_bytes": 1_234_567_890}).status_code == 200
    try:
        open_as(browser, cluster.url, admin, "/people")
        browser.wait(lambda _: browser.one("#quota").get_attribute("value") == "12.346", "the settings are shown")
        browser.one("#quota-all").clear()
        browser.one("#quota-all").send_keys("2,5")
        browser.one("#settings-go").click()
        browser.says("The settings are saved.")
        now = api.get("/api/v1/settings").json()
        assert (now["quota_user_bytes"], now["quota_cluster_bytes"], now["session_idle_s"]) == (12_345_678_901, 2_500_000_000, 12_345)
        browser.one(f'#people [data-user="{someone.name}"] [data-do=change]').click()
        assert browser.shown("#person-quota").get_attribute("value") == "1.235"
        assert faults(browser) == []
        browser.one("#person-shown").send_keys("Another Name")
        browser.one("#person-go").click()
        browser.says("Another Name")
        assert api.get(f"/api/v1/users/{someone.name}").json()["quota_bytes"] == 1_234_567_890
        browser.one(f'#people [data-user="{someone.name}"] [data-do=change]').click()
        browser.shown("#person-quota").clear()
        browser.one("#person-quota").send_keys("much")
        browser.one("#person-go").click()
        browser.says("A number of GB, or nothing.")
        browser.one("#person-quota").clear()
        browser.one("#person-go").click()
        browser.wait(lambda _: not browser.all("#person[open]"), "it is saved")
        assert api.get(f"/api/v1/users/{someone.name}").json()["quota_bytes"] is None
    finally:
        assert api.change_settings(session_idle_s=43_200).status_code == 200


# ---- by keyboard alone

def test_an_account_is_looked_after_by_keyboard(browser, cluster, person):
    someone = person()
    open_as(browser, cluster.url, someone, "/account")
    browser.shown("#token-new")
    tab_to(browser, "#token-new").send_keys(Keys.ENTER)
    focused(browser).send_keys("keys")
    tab_to(browser, "#token-make").send_keys(Keys.ENTER)
    browser.shown("#token-text")
    assert focused(browser).get_attribute("id") == "token-copy"
    tab_to(browser, "[data-do=revoke]").send_keys(Keys.ENTER)
    browser.shown("#question[open]")
    assert focused(browser).text == "Leave it"
    focused(browser).send_keys(Keys.ESCAPE)
    browser.wait(lambda _: not browser.all("#question"), "Esc leaves it")
    assert focused(browser).get_attribute("data-do") == "revoke", "the focus is back"
    focused(browser).send_keys(Keys.ENTER)
    browser.shown("#question[open]")
    tab_to(browser, "#sure").send_keys(Keys.ENTER)
    browser.wait(lambda _: browser.one("#tokens li").text.endswith("taken back"), "the token is taken back")


def test_what_waits_is_decided_by_keyboard(browser, cluster, api, person):
    assert api.change_settings(moderate=True).status_code == 200
    someone, maintainer = person(), person("maintainer")
    course = f"KEYS {next(numbers)}"
    assert Api(cluster.url, token=token(api, someone.name)).upload(course, pdf("keys")).status_code == 202
    open_as(browser, cluster.url, maintainer, "/waiting")
    row = f'#waiting [data-course="{course}"]'
    browser.shown(row)
    tab_to(browser, f"{row} [data-do=reject]").send_keys(Keys.ENTER)
    browser.shown("#question[open]")
    assert faults(browser) == []
    tab_to(browser, "#reason").send_keys("not this term")
    tab_to(browser, "#sure").send_keys(Keys.ENTER)
    browser.says(f"The upload for {course} is rejected.")
    assert focused(browser).get_attribute("data-course") == course


def test_a_link_is_made_by_keyboard(browser, cluster, api, person):
    someone = person()
    course = f"KEYL{next(numbers)}"
    assert Api(cluster.url, token=token(api, someone.name)).upload(course, pdf("link")).status_code == 201
    open_as(browser, cluster.url, someone, "/s/" + course)
    browser.shown("#link-new")
    tab_to(browser, "#link-new").send_keys(Keys.ENTER)
    focused(browser).send_keys("by keys", Keys.ENTER)
    browser.says("The link is made.")
    assert focused(browser).get_attribute("value").startswith(cluster.url + "/l/l1.")
    assert faults(browser) == []


# ---- who else

def test_an_owner_sees_who_else_may_change_a_version(browser, cluster, api, person):
    owner, other, maintainer = person(shown="Prof. Owner"), person(), person("maintainer", shown="Ms. Keeper")
    elsewhere = person("maintainer", scopes=["NOWHERE"])
    course = f"ELSE{next(numbers)}"
    assert Api(cluster.url, token=token(api, owner.name)).upload(course, pdf("else")).status_code == 201
    open_as(browser, cluster.url, owner, "/s/" + course)
    browser.shown("#access-button").click()
    browser.shown(f'#access [data-user="{owner.name}"]')
    listed = [one.get_attribute("data-user") for one in browser.all("#access li")]
    assert listed[0] == owner.name and maintainer.name in listed and "admin" in listed
    assert other.name not in listed and elsewhere.name not in listed
    assert "shared it, contributor, you" in browser.one("#access li").text and f"This version is {owner.name}’s." in browser.text()
    assert faults(browser) == []
    browser.screenshot(SHOTS / "course-access-1280.png")
    open_as(browser, cluster.url, other, "/s/" + course)
    browser.shown("#history li")
    time.sleep(0.3)
    assert not browser.one("#access-button").is_displayed()


# ---- nothing there

def test_empty_pages_say_so(browser, cluster, api, person):
    """A maintainer of a department where nothing waits; an account with nothing of its own."""
    open_as(browser, cluster.url, person("maintainer", scopes=["NOWHERE"]), "/waiting")
    browser.says("Nothing waits.")
    assert faults(browser) == []
    browser.screenshot(SHOTS / "waiting-empty-1280.png")
    browser.open(cluster.url + "/account")
    browser.says("You have no token.")
    browser.shown("#erase").click()
    browser.shown("#sure").click()
    browser.says("There was nothing to remove.")


# ---- Redis away

@pytest.fixture
def lonely(homes):
    """A cluster whose Redis may be taken away."""
    made = homes(f"ui-away-{next(numbers)}").up()
    yield made
    made.down()


def without_redis(cluster):
    cluster.command("stop", "redis")
    wait_for(lambda: Api(cluster.url).get("/api/v1/courses").status_code == 503, 10, "Redis is missed")


@pytest.mark.parametrize("width, dark", [(1280, False), (360, True)], ids=["wide", "phone"])
def test_while_redis_is_away_nobody_is_signed_out_and_pages_come_back_by_themselves(lonely, width, dark, tmp_path):
    api, url = Api(lonely.url), lonely.url
    admin = Person(api, "away-admin", "admin")
    browser = Browser(width, 900, dark=dark)
    browser.expected = {503, 404}
    theme = f"{width}-{'dark' if dark else 'light'}"
    try:
        open_as(browser, url, admin, "/people")
        browser.shown(f'#people [data-user="{admin.name}"]')
        without_redis(lonely)
        browser.one("#public_upload").send_keys(Keys.SPACE)  # by keyboard: the bar at the bottom of a phone may lie over where a pointer would go
        browser.one("#settings-go").send_keys(Keys.ENTER)
        browser.says("The settings are as they were.", 15)
        assert "cannot be looked up just now" in browser.text() and browser.one("#name").is_displayed()
        browser.screenshot(SHOTS / f"people-away-{theme}.png")

        browser.open(url + "/account")
        browser.says("Whether you are signed in cannot be told right now.", 15)
        assert faults(browser) == []
        browser.screenshot(SHOTS / f"account-away-{theme}.png")
        browser.shown("#sign-in").click()
        fill_dialog(browser, admin)
        browser.says("Signing in did not work.", 15)
        assert "Nobody can sign in just now" in browser.text() and faults(browser) == []
        browser.screenshot(SHOTS / f"sign-in-away-{theme}.png")
        browser.one("#sign-cancel").click()
        lonely.command("start", "redis")
        browser.says("Signed in as away-admin", 60)
        assert "cannot be told" not in browser.text()
        wait_for(lambda: api.get("/api/v1/users").status_code == 200, 60, "lists are back")

        file = tmp_path / "a.pdf"
        file.write_bytes(pdf("away"))
        browser.open(url + "/share")
        browser.shown("#name")
        browser.shown("#course").send_keys("AWAY 1")
        browser.one("#file").send_keys(str(file))
        without_redis(lonely)
        browser.one("#share-button").send_keys(Keys.ENTER)
        browser.says("Not shared yet.", 20)
        assert "cannot be looked up just now" in browser.text() and "Not known yet" not in browser.text()
        browser.screenshot(SHOTS / f"share-away-{theme}.png")
        lonely.command("start", "redis")
        browser.says("Your syllabus is shared.", 90)
        check_console(browser)
    finally:
        browser.close()


def test_lists_that_cannot_be_had_say_so_and_can_be_asked_for_again(lonely):
    """The index is empty for a moment: lists are a 503, by name everything goes on."""
    api, url = Api(lonely.url), lonely.url
    admin = Person(api, "list-admin", "admin")
    browser = Browser(1280, 900)
    browser.expected = {503, 404}
    try:
        open_as(browser, url, admin, "/account")
        browser.says("You have no token.")
        for name in lonely.names("coordinator"):
            lonely.kill(name)  # nobody rebuilds the index
        redis = lonely.redis()
        kept = {key: redis.dump(key) for key in redis.scan_iter("rb:ses:*")}
        redis.flushall()
        for key, value in kept.items():
            redis.restore(key, 600_000, value)
        browser.open(url + "/people")
        browser.shown("#load-error")
        browser.says("This cannot be shown right now.")
        assert browser.one("#idle").get_attribute("value") == "12", "settings are no list"
        assert faults(browser) == []
        browser.screenshot(SHOTS / "people-no-list-1280.png")
        for name in lonely.names("coordinator"):
            lonely.start(name)
        wait_for(lambda: api.get("/api/v1/users").status_code == 200, 60, "lists are back")
        browser.one("#load-error button").click()
        browser.shown(f'#people [data-user="{admin.name}"]')
        assert not browser.all("#load-error")
        check_console(browser)
    finally:
        browser.close()
