" Colours of .circ files. Made by `python -m zkc.lsp.highlight vim`; do not edit.
if exists("b:current_syntax")
  finish
endif
syntax match circCall /\<[a-z][a-z0-9_]*\ze(/
syntax match circBuiltin /\<\%(column\|sum\|slice\|is\|inverse\|divide_unsigned\|remainder_unsigned\|divide_signed\|remainder_signed\)\ze(/
syntax match circType /\<u[0-9]\+\>/
syntax match circNumber /\<\%(0x[0-9a-fA-F_]\+\|0b[01_]\+\|[0-9][0-9_]*\)\>/
syntax keyword circDeclaration use const type struct bus fixed gadget chip impl format frame family insn service table claim test
syntax keyword circTrust trusted because survives free
syntax keyword circKeyword also and as assembly assert at beside body bound by carries chain decode every fails fault for hint host if imm in input inst known latest let lookup on operand or perform recv remembers result retire send sext shared spec times when where
syntax keyword circType felt bit u32
syntax region circString start=/"/ end=/"/ oneline
syntax match circComment /\/\/.*$/ contains=@Spell
syntax match circDoc /\/\/\/.*$/ contains=@Spell
highlight default link circDeclaration Structure
highlight default link circTrust Exception
highlight default link circKeyword Keyword
highlight default link circType Type
highlight default link circCall Function
highlight default link circBuiltin Function
highlight default link circNumber Number
highlight default link circString String
highlight default link circComment Comment
highlight default link circDoc SpecialComment
let b:current_syntax = "circ"
