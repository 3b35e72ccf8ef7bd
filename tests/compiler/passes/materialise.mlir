// RUN: zkc opt -p materialise %s | filecheck %s
// RUN: zkc opt -p 'materialise{max-degree=2}' %s | filecheck %s --check-prefix=TWO

"circ.bus"() {sym_name = "link", fields = ["x", "y"]} : () -> ()
"row.table"() ({
  %n = "row.column"() {name = "n", type = "felt"} : () -> !zkc.felt
  %a = "row.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %p = "felt.mul"(%a, %n) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %s = "felt.add"(%a, %n) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "bus.send"(%p, %s, %p) {bus = @link, label = "send link"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "given"} : () -> ()

// How often a message is sent may be of degree 2; what it carries may not.
// CHECK:      %[[P:.*]] = "felt.mul"
// CHECK-NEXT: %[[S:.*]] = "felt.add"
// CHECK-NEXT: %[[C:.*]] = "row.commit"(%[[P]])
// CHECK-NEXT: "bus.send"(%[[P]], %[[S]], %[[C]])
// TWO-NOT: row.commit
// TWO: "bus.send"
