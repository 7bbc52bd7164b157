module race

go 1.21
