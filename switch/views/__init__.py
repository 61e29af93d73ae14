"""Records as people see them: transfers with their lifecycle, statements, events. It reads the journal and knows no transport."""
