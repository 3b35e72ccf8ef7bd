// RUN: zkc opt -p forward-stores %s | filecheck %s

"circ.bus"() {sym_name = "memory", fields = ["address", "value", "time", "mark"], remembers = "address"} : () -> ()
"step.func"() ({
  %at = "row.given"() {name = "rs1", low = 0, high = 31} : () -> !zkc.int
  %other = "row.given"() {name = "rs2", low = 0, high = 31} : () -> !zkc.int
  %one = "int.constant"() {value = 1} : () -> !zkc.int
  %next = "int.add"(%at, %one) : (!zkc.int, !zkc.int) -> !zkc.int
  "step.store"(%at, %one, %one, %one, %one) {bus = @memory} : (!zkc.int, !zkc.int, !zkc.int, !zkc.int, !zkc.int) -> ()
  %x:3 = "step.load"(%other) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
  %y:3 = "step.load"(%next) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
  "step.fault"(%x#0) {message = "may be what was stored"} : (!zkc.int) -> ()
  "step.fault"(%y#0) {message = "stands elsewhere"} : (!zkc.int) -> ()
}) {sym_name = "t.one", arm = "one", table = @t, op = 1} : () -> ()

// CHECK:      %[[AT:.*]] = "row.given"() {name = "rs1"
// CHECK-NEXT: %[[OTHER:.*]] = "row.given"() {name = "rs2"
// CHECK-NEXT: %[[ONE:.*]] = "int.constant"
// CHECK:      %[[X:.*]]:3 = "step.load"(%[[OTHER]])
// CHECK:      %[[SAME:.*]] = "int.eq"(%[[OTHER]], %[[AT]])
// CHECK-NEXT: %[[AFTER:.*]] = "int.select"(%[[SAME]], %[[ONE]], %[[X]]#0)
// CHECK-NEXT: %[[Y:.*]]:3 = "step.load"
// CHECK-NEXT: "step.fault"(%[[AFTER]]) {message = "may be what was stored"}
// CHECK-NEXT: "step.fault"(%[[Y]]#0) {message = "stands elsewhere"}
