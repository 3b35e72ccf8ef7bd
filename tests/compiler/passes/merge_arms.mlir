// RUN: zkc opt -p merge-arms %s | filecheck %s

"circ.bus"() {sym_name = "link", fields = ["x"]} : () -> ()
"air.table"() ({
  %one = "air.column"() {name = "is_one", type = "bit"} : () -> !zkc.felt
  %two = "air.column"() {name = "is_two", type = "bit"} : () -> !zkc.felt
  %a = "air.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %b = "air.column"() {name = "b", type = "felt"} : () -> !zkc.felt
  "air.constraint"(%a) {label = "a of one", kind = "assert", arms = ["one"]} : (!zkc.felt) -> ()
  "air.constraint"(%b) {label = "b of one", kind = "assert", arms = ["one"]} : (!zkc.felt) -> ()
  "air.message"(%one, %a) {bus = @link, sign = 1, label = "first", arms = ["one"]} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%one, %a) {bus = @link, sign = 1, label = "second", arms = ["one"]} : (!zkc.felt, !zkc.felt) -> ()
  "air.constraint"(%a) {label = "a of two", kind = "assert", arms = ["two"]} : (!zkc.felt) -> ()
  "air.message"(%one, %a) {bus = @link, sign = 1, label = "third", arms = ["two"]} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%one, %a) {bus = @link, sign = 1, label = "of all", arms = []} : (!zkc.felt, !zkc.felt) -> ()
  "air.constraint"(%b) {label = "b selects", kind = "selector"} : (!zkc.felt) -> ()
  "air.message"(%one, %b) {bus = @link, sign = 1, label = "sent", arms = ["one"]} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%one, %b) {bus = @link, sign = -1, label = "received", arms = ["two"]} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", arms = ["one", "two"]} : () -> ()

// CHECK:      name = "b"
// CHECK-NEXT: "air.constraint"({{.*}}) {label = "a of one", kind = "assert"}
// CHECK-NEXT: "air.constraint"({{.*}}) {label = "b of one", kind = "assert", arms = ["one"]}
// CHECK-NEXT: "air.message"({{.*}}) {bus = @link, sign = 1 : i64, label = "first"}
// CHECK-NEXT: "air.message"({{.*}}) {bus = @link, sign = 1 : i64, label = "second", arms = ["one"]}
// CHECK-NEXT: "air.message"({{.*}}) {bus = @link, sign = 1 : i64, label = "of all"}
// CHECK-NEXT: "air.constraint"({{.*}}) {label = "b selects", kind = "selector"}
// CHECK-NEXT: "air.message"({{.*}}) {bus = @link, sign = 1 : i64, label = "sent", arms = ["one"]}
// CHECK-NEXT: "air.message"({{.*}}) {bus = @link, sign = -1 : i64, label = "received", arms = ["two"]}
// CHECK-NEXT: }) {sym_name = "t"
