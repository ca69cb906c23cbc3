"""How late a finished task is seen, and after how many polls, on four schedules."""
