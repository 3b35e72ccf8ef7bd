// RUN: zkc opt -p dce %s | filecheck %s

"circ.bus"() {sym_name = "memory", fields = ["address", "value", "time", "mark"], remembers = "address"} : () -> ()
"row.table"() ({
  %x = "row.is"() {arm = "x"} : () -> !zkc.felt
  %g = "row.given"() {name = "unused", low = 0, high = 1} : () -> !zkc.int
  %k = "int.constant"() {value = 5} : () -> !zkc.int
  %l:3 = "step.load"(%k) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
  %dead = "int.add"(%l#0, %k) : (!zkc.int, !zkc.int) -> !zkc.int
  %deader = "int.mul"(%dead, %dead) : (!zkc.int, !zkc.int) -> !zkc.int
  %c = "row.column"() {name = "nobody reads this", type = "felt"} : () -> !zkc.felt
  %for = "felt.constant"() {value = 7} : () -> !zkc.felt
  "row.arms"() ({
    %inner = "felt.add"(%c, %for) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    "row.yield"() : () -> ()
  }) {names = ["x"]} : () -> ()
}) {sym_name = "t", kind = "step"} : () -> ()

// CHECK:      "row.table"
// CHECK-NEXT: "row.is"
// CHECK-NEXT: "row.given"() {name = "unused"
// CHECK-NEXT: %[[K:.*]] = "int.constant"
// CHECK-NEXT: "step.load"(%[[K]])
// CHECK-NEXT: "row.column"
// CHECK-NEXT: "row.arms"
// CHECK-NEXT: "row.yield"
// CHECK-NEXT: })
