module portolan

go 1.25
