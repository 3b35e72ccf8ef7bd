// RUN: zkc opt -p lower-step %s | filecheck %s

"circ.bus"() {sym_name = "memory", fields = ["address", "value", "value", "time", "mark"], lows = [0, 0, 16, 0, 0], remembers = "address"} : () -> ()
"circ.bus"() {sym_name = "exec", fields = ["clk", "pc"], clock = "clk"} : () -> ()
"circ.insn"() {sym_name = "one", op = 7} : () -> ()
"circ.insn"() {sym_name = "two", op = 8} : () -> ()
"row.table"() ({
  %is_one = "row.is"() {arm = "one", slot = 0} : () -> !zkc.felt
  %is_two = "row.is"() {arm = "two", slot = 1} : () -> !zkc.felt
  %clk = "row.given"() {name = "clk", low = 0, high = 1000} : () -> !zkc.int
  %pc = "row.given"() {name = "pc", low = 0, high = 1000} : () -> !zkc.int
  %unused = "row.given"() {name = "rd", low = 0, high = 31} : () -> !zkc.int
  %n = "felt.constant"() {value = 1} : () -> !zkc.felt
  %c = "row.column"(%clk) {name = "clk", type = "felt", slot = 2} : (!zkc.int) -> !zkc.felt
  %p = "row.column"(%pc) {name = "pc", type = "felt", slot = 3} : (!zkc.int) -> !zkc.felt
  "row.arms"() ({
    %word:3 = "step.load"(%pc) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
    "step.fault"(%word#2) {message = "not there"} : (!zkc.int) -> ()
    "bus.recv"(%n, %p, %c, %c, %c, %n) {bus = @memory, label = "recv"} : (!zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt) -> ()
    "bus.send"(%n, %p, %c, %p, %c, %n) {bus = @memory, label = "send"} : (!zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt, !zkc.felt) -> ()
    "row.yield"() : () -> ()
  }, {
    "row.yield"() : () -> ()
  }) {names = ["one", "two"]} : () -> ()
  %next = "felt.add"(%c, %n) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "bus.send"(%n, %next, %p) {bus = @exec, label = "send exec"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "step"} : () -> ()

// CHECK:      "step.func"
// CHECK-DAG:  %[[PC:.*]] = "row.given"() {name = "pc"
// CHECK:      %[[WORD:.*]]:3 = "step.load"(%[[PC]]) {bus = @memory}
// CHECK-NEXT: "step.fault"(%[[WORD]]#2) {message = "not there"}
// CHECK-DAG:  %[[CLK:.*]] = "row.given"() {name = "clk"
// CHECK-DAG:  %[[HIGH:.*]] = "int.mul"(%[[PC]], {{.*}})
// CHECK-DAG:  %[[VALUE:.*]] = "int.add"(%[[CLK]], %[[HIGH]])
// CHECK:      "step.store"(%[[PC]], %[[VALUE]], %[[CLK]], %[[ONE:.*]], %[[ONE]]) {bus = @memory}
// CHECK:      %[[NEXT:.*]] = "int.add"(%[[ONE]], %[[CLK]])
// CHECK-NEXT: "step.next"(%[[NEXT]], %[[PC]], %[[ONE]])
// CHECK-NEXT: }) {sym_name = "t.one", arm = "one", table = @t, op = 7 : i64}
// CHECK-NOT:  step.load
// CHECK-NOT:  step.store
// CHECK:      "step.next"
// CHECK-NEXT: }) {sym_name = "t.two", arm = "two", table = @t, op = 8 : i64}
