"""A real headless Chromium, driven by Debian's ChromeDriver, that must not complain and must not leave the origin."""
import atexit
import pathlib
import tempfile

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-device-scale-factor=1"]


def looks(sizes):
    """Parameters (width, height, dark): each size in both themes; in the short form each in one of them, by turns."""
    return [pytest.param(width, height, dark, id=f"{width}-{height}-{'dark' if dark else 'light'}", marks=[pytest.mark.long] if dark == number % 2 else [])
            for number, (width, height) in enumerate(sizes) for dark in (False, True)]


class Chromium:
    """A process of the browser with a profile of its own. A start takes two seconds, so one that was cleaned after a test serves the next one too."""

    spare = []

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # its last helpers may still write when it has ended
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={self.profile.name}/data", "--window-size=1440,900"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.add_experimental_option("prefs", {"download.prompt_for_download": False})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.window = self.driver.current_window_handle

    @classmethod
    def take(cls):
        return cls.spare.pop() if cls.spare else cls()

    def clean(self, origins):
        """Nothing is left of the test before: no window, cookie, stored or cached thing, emulation or message."""
        driver = self.driver
        for window in driver.window_handles:
            if window != self.window:
                driver.switch_to.window(window)
                driver.close()
        driver.switch_to.window(self.window)
        driver.get("about:blank")
        for origin in origins:
            driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        for command in ("Network.clearBrowserCookies", "Network.clearBrowserCache", "Emulation.clearDeviceMetricsOverride", "Page.resetNavigationHistory"):
            driver.execute_cdp_cmd(command, {})
        driver.get_log("browser")
        driver.get_log("performance")

    def give_back(self, origins):
        try:
            self.clean(origins)
            self.spare.append(self)
        except WebDriverException:
            self.end()

    def end(self):
        self.driver.quit()
        self.profile.cleanup()


def end_all():
    while Chromium.spare:
        Chromium.spare.pop().end()


atexit.register(end_all)


class Browser:
    """One browser window, as if newly started, with its own download folder."""

    def __init__(self, width=1440, height=900, dark=False, prefer_reduced_motion=False):
        self.chromium, self.origins, self.saved = Chromium.take(), set(), tempfile.TemporaryDirectory()
        self.downloads = pathlib.Path(self.saved.name)
        self.driver = self.chromium.driver
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": self.saved.name})
        self.resize(width, height)
        media = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        if prefer_reduced_motion:
            media.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})

    def resize(self, width, height):
        """The viewport itself, so that 360 means 360 also where a window cannot be that narrow."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def open(self, url):
        self.origins.add("/".join(url.split("/", 3)[:3]))
        self.driver.get(url)

    def wait(self, check, what, seconds=10):
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]).until(check, what)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def shown(self, selector, seconds=10):
        """Waits for an element that is displayed."""
        def find(_):
            return next((e for e in self.all(selector) if e.is_displayed()), None)
        return self.wait(find, f"{selector} is shown", seconds)

    def press(self, selector, seconds=10):
        """Brings an element to the middle of the window, away from the bar at the bottom of a phone, and clicks it."""
        element = self.shown(selector, seconds)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def click(self, selector, words, seconds=10):
        """Clicks the first element of a selector that shows these words; a list that is drawn anew meanwhile is looked at again."""
        def find(_):
            for element in self.all(selector):
                if words in element.text and element.is_displayed():
                    element.click()
                    return True
            return False
        WebDriverWait(self.driver, seconds, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]).until(find, f"{selector} with {words}")

    def text(self):
        """What the page shows, asked by script: elements may go stale while a page is drawn anew."""
        return self.driver.execute_script("return document.body ? document.body.innerText : ''")

    def says(self, words, seconds=10):
        """Waits until the page shows these words."""
        return self.wait(lambda _: words in self.text(), f"the page says: {words}", seconds)

    def console(self):
        """What the console said at level warning or above since the last call."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self):
        """The addresses asked for since the last call."""
        import json
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))

    def close(self):
        self.chromium.give_back(self.origins)
        self.saved.cleanup()
