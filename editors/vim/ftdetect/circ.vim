autocmd BufRead,BufNewFile *.circ setfiletype circ
