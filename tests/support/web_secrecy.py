"""Where a value is left after the page has sent it."""

from support.canary import Search

PLACES = {
    "the document": "document.documentElement.outerHTML",
    "the fields": "[...document.querySelectorAll('input, textarea')].map((each) => each.value).join()",
    "the storages": "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])",
    "the history": "JSON.stringify([history.state, history.length, document.title, document.referrer])",
    "the address": "location.href",
    "the list of requests": "JSON.stringify(performance.getEntries())",
}


def leaks(browser, control_plane, canary):
    """In the page, its storages, its history, its address, its memory or the server's log; [] if nowhere."""
    search = Search({"value": canary})
    for place, expression in PLACES.items():
        search.text(browser.script(f"return {expression}"), place)
    search.text(str(browser.driver.get_log("browser")), "the console")
    search.text(browser.heap(), "the memory of the page")
    search.text(control_plane.log_path.read_text(), "the log")
    return search.leaks
