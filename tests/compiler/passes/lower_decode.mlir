// RUN: zkc opt -p share-columns,lower-decode %s | filecheck %s
// RUN: not zkc opt -p lower-decode %s | filecheck %s --check-prefix=NUMBERS

"circ.bus"() {sym_name = "program", fields = ["pc", "op", "rd", "imm", "imm"], lows = [0, 0, 0, 0, 16], known = "pc", number = "op"} : () -> ()
"row.table"() ({
  %word = "row.given"() {name = "word", low = 0, high = 4294967295} : () -> !zkc.int
  %k0 = "int.constant"() {value = 0} : () -> !zkc.int
  %is_one = "int.eq"(%word, %k0) : (!zkc.int, !zkc.int) -> !zkc.int
  %is_two = "int.ne"(%word, %k0) : (!zkc.int, !zkc.int) -> !zkc.int
  %one = "row.column"(%is_one) {name = "is_one", type = "bit", insn = "one"} : (!zkc.int) -> !zkc.felt
  %two = "row.column"(%is_two) {name = "is_two", type = "bit", insn = "two"} : (!zkc.int) -> !zkc.felt
  %low = "int.mod"(%word) {by = 32} : (!zkc.int) -> !zkc.int
  %rd = "row.column"(%low) {name = "rd", type = "felt"} : (!zkc.int) -> !zkc.felt
  %imm = "felt.mul"(%two, %rd) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %k = "felt.constant"() {value = 1} : () -> !zkc.felt
  "bus.send"(%k, %k, %k, %rd, %imm, %one) {bus = @program, label = "send program"}
    : (!zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt) -> ()
}) {sym_name = "decode", kind = "given"} : () -> ()
"row.table"() ({
}) {sym_name = "other", kind = "given"} : () -> ()

// NUMBERS: `lower-decode` comes after `share-columns`: this column has no number

// The immediate of `one` is 65536, that of `two` is its rd.
// CHECK:      "step.decode"
// CHECK-DAG:  %[[WORD:.*]] = "row.given"() {name = "word"
// CHECK-DAG:  %[[RD:.*]] = "int.mod"(%[[WORD]]) {by = 32 : i64}
// CHECK:      "step.field"(%[[RD]]) {name = "rd"}
// CHECK-NEXT: %[[HIGH:.*]] = "int.constant"() {value = 65536 : i64}
// CHECK-NEXT: "step.field"(%[[HIGH]]) {name = "imm"}
// CHECK-NEXT: }) {insn = "one", sym_name = "decode.one"}
// CHECK:      %[[TWO:.*]] = "int.mod"
// CHECK-NEXT: "step.field"(%[[TWO]]) {name = "rd"}
// CHECK-NEXT: "step.field"(%[[TWO]]) {name = "imm"}
// CHECK-NEXT: }) {insn = "two", sym_name = "decode.two"}
// CHECK:      {sym_name = "other", kind = "given"}
