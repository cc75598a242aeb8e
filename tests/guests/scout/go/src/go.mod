module scout

go 1.25

require portolan v0.0.0

replace portolan => ../../../../../sdk/go
