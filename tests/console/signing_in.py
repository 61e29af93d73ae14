"""Signing in to the console in a browser, as people do."""

from tests.console.browser import Tab


async def signed_in(tab: Tab, base: str, key: str) -> None:
    """By key and Enter."""
    await tab.open(f"{base}/console/sign-in")
    await tab.click("#key")
    await tab.type(key)
    await tab.changes(lambda: tab.press("Enter"))
