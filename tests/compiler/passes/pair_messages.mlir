// RUN: zkc opt -p pair-messages %s | filecheck %s
// RUN: zkc opt -p 'pair-messages{size=3}' %s | filecheck %s --check-prefix=THREE

"circ.bus"() {sym_name = "link", fields = ["x"]} : () -> ()
"air.table"() ({
  %a = "air.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  "air.message"(%a, %a) {bus = @link, sign = 1, label = "0"} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%a, %a) {bus = @link, sign = 1, label = "1"} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%a, %a) {bus = @link, sign = 1, label = "2"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", arms = []} : () -> ()

// CHECK:      label = "2"
// CHECK-NEXT: "air.batch"() {messages = [0 : i64, 1 : i64]}
// CHECK-NEXT: "air.batch"() {messages = [2 : i64]}
// CHECK-NEXT: }) {sym_name = "t"
// THREE:      "air.batch"() {messages = [0 : i64, 1 : i64, 2 : i64]}
// THREE-NOT:  air.batch
