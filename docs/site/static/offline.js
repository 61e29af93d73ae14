// A page that was opened from a folder may not read others for an excerpt of what was found: the titles are shown alone.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
