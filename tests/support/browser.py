"""A headless Chromium that uses the web page as a person does: it types, presses keys and reads what is shown."""

import json
import re
import urllib.request

import websocket
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from support import programs, wait

AXE = programs.ROOT / "build" / "web" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP, PHONE = (1240, 900), (390, 844)

# Keeps what the policy of the page has blocked.
WATCH_POLICY = """
window.blocked = [];
document.addEventListener('securitypolicyviolation', (event) => window.blocked.push(event.violatedDirective));
"""

# Answers in the place of the server: by the end of the path, where * is one segment. A text is the body as it is.
ANSWER = """
window.answers = arguments[0];
window.realFetch ??= window.fetch;
window.fetch = (path, options) => {
  const rest = String(path).split('?')[0].split('/organizations/acme/')[1] ?? '';
  for (const [pattern, body] of Object.entries(window.answers)) {
    if (new RegExp('^' + pattern.replaceAll('*', '[^/]+') + '$').test(rest)) {
      return new Promise((done) => setTimeout(() => done(new Response(typeof body === 'string' ? body : JSON.stringify(body))), 50));
    }
  }
  return window.realFetch(path, options);
};
"""


def wait_for(predicate, timeout=10.0, what="the condition"):
    """Looks less often than other tests: each look is a message to the browser. The page may draw an element anew
    between the message that finds the element and the next one, which then fails: that is no answer yet."""
    def look():
        try:
            return predicate()
        except StaleElementReferenceException:
            return None
    return wait.wait_for(look, timeout, what, interval=0.04)


class Browser:
    """`with Browser(url) as browser: browser.sign_in(token); browser.open("fleet")`. `url` is the control plane's."""

    def __init__(self, url, organization="acme", dark=False, size=DESKTOP, keeps_pages=False):
        """`keeps_pages`: pages that were left stay in the browser's back/forward cache."""
        self.url = url
        self.organization = organization
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--ignore-certificate-errors", "--no-proxy-server", "--lang=en-US"):
            options.add_argument(argument)
        # Chromium refuses to run as root with its sandbox, and a container may not make the namespaces of the sandbox.
        # The tests open pages of this project alone.
        options.add_argument("--no-sandbox")
        if not keeps_pages:
            options.add_argument("--disable-features=BackForwardCache")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self._tab = self.driver.current_window_handle
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH_POLICY})
        self.wear(dark)
        self.resize(size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def wear(self, dark):
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def resize(self, size):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE})

    # Going about

    def start_again(self):
        """As a browser that was just started: one tab, no page, the network on."""
        for handle in self.driver.window_handles:
            if handle != self._tab:
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(self._tab)
        self.driver.delete_network_conditions()
        self.wear(False)
        self.resize(DESKTOP)
        self.driver.get("about:blank")
        self.driver.get_log("browser")

    def sign_in(self, token, view="fleet"):
        self.driver.get(f"{self.url}/#/{self.organization}/{view}")
        self.find("input.secret").send_keys(token)
        self.press("Sign in")
        self.find("nav[aria-label=Views]")
        self.settle()
        return self

    def open(self, view):
        self.driver.get(f"{self.url}/#/{self.organization}/{view}")
        self.settle()
        return self

    def settle(self):
        """Waits until nothing says that it is loading."""
        wait_for(lambda: self.script("return document.querySelector('h1') && !document.querySelector('.loading')"),
                 what="the view")

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def answer(self, answers):
        """From now on the page gets these answers, {path: body}, in the place of the server's."""
        self.script(ANSWER, answers)

    def find(self, selector):
        return wait_for(lambda: next(iter(self.driver.find_elements(By.CSS_SELECTOR, selector)), None), what=selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def field(self, label):
        """The input, the select or the textarea with this label."""
        found = wait_for(lambda: self.script(
            "const label = [...document.querySelectorAll('label')].filter(l => l.getClientRects().length)"
            ".find(l => l.textContent.trim() === arguments[0]); return label && document.getElementById(label.htmlFor)",
            label), what=f"the field {label}")
        return found

    def button(self, text):
        def look():
            for each in reversed(self.all("button, summary")):
                name = each.get_attribute("textContent")
                if each.is_displayed() and name.strip().startswith(text):
                    return each
            return None
        return wait_for(look, what=f"the button {text}")

    def type(self, *keys):
        """To whatever has the focus, as a keyboard does."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def press(self, text):
        wait_for(lambda: self.button(text).click() is None, what=f"a press of the button {text}")

    def press_at_once(self, text):
        """Also if a dialog has come before it meanwhile."""
        self.script("arguments[0].click()", self.button(text))

    @property
    def text(self):
        return self.script("return document.body.innerText")

    def wait_text(self, wanted, timeout=10):
        wait_for(lambda: wanted in self.text, timeout, what=f"the text {wanted!r}")

    # Looking closely

    def violations(self):
        """What axe-core finds, as lines."""
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[1]; axe.run(document, {runOnly: {type: 'tag', values: arguments[0]}})"
            ".then(r => done(r.violations), e => done([{id: 'axe failed: ' + e, nodes: []}]))", WCAG)
        return [f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
                for each in found for node in (each["nodes"] or [{"html": ""}])]

    def blocked(self):
        """The directives of the policy that something has violated."""
        return self.script("return window.blocked")

    def console_errors(self):
        """Errors in the console, but for answers that a test has asked for (4xx, 5xx)."""
        return [line["message"] for line in self.driver.get_log("browser")
                if line["level"] == "SEVERE" and not re.search(r"status of [45]\d\d|net::ERR", line["message"])]

    def overflows(self):
        """Whether the page is wider than its window."""
        return self.script("return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")

    def heap(self):
        """A snapshot of the page's memory, which collects garbage first. It also has the answers of script(), which the
        driver keeps there: read a secret by an attribute of its element."""
        address = self.driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
        with urllib.request.urlopen(f"http://{address}/json", timeout=10) as listing:
            page = next(each for each in json.load(listing) if each["id"] == self.driver.current_window_handle)
        socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=60, suppress_origin=True)
        try:
            return _snapshot(socket)
        finally:
            socket.close()

    def picture(self, path, height=None):
        """The view from its top, as high as it is, or `height`."""
        tall = self.script("return document.documentElement.scrollHeight")
        width = self.script("return innerWidth")
        self.resize((width, height or min(max(tall, 500), 2000)))
        self.driver.save_screenshot(str(path))
        self.resize(DESKTOP)


def _snapshot(socket):
    socket.send(json.dumps({"id": 1, "method": "HeapProfiler.takeHeapSnapshot", "params": {}}))
    chunks = []
    while True:
        message = json.loads(socket.recv())
        if message.get("method") == "HeapProfiler.addHeapSnapshotChunk":
            chunks.append(message["params"]["chunk"])
        elif message.get("id") == 1:
            return "".join(chunks)
