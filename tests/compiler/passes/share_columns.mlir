// RUN: zkc opt -p share-columns %s | filecheck %s

"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"row.table"() ({
  %one = "row.is"() {arm = "one"} : () -> !zkc.felt
  %two = "row.is"() {arm = "two"} : () -> !zkc.felt
  %shared = "row.column"() {name = "shared", type = "u16"} : () -> !zkc.felt
  %r:2 = "row.arms"() ({
    %a = "row.column"() {name = "a", type = "u16"} : () -> !zkc.felt
    %b = "row.column"() {name = "b", type = "u16"} : () -> !zkc.felt
    %c = "row.commit"(%b) : (!zkc.felt) -> !zkc.felt
    "row.yield"(%a, %shared) : (!zkc.felt, !zkc.felt) -> ()
  }, {
    %d = "row.column"() {name = "d", type = "bit"} : () -> !zkc.felt
    %e = "row.column"() {name = "e", type = "u16"} : () -> !zkc.felt
    "row.yield"(%d, %shared) : (!zkc.felt, !zkc.felt) -> ()
  }) {names = ["one", "two"]} : () -> (!zkc.felt, !zkc.felt)
  %x = "row.merge"(%r#0) {name = "x"} : (!zkc.felt) -> !zkc.felt
  %y = "row.merge"(%r#1) {name = "y"} : (!zkc.felt) -> !zkc.felt
}) {sym_name = "t", kind = "step"} : () -> ()

// CHECK: "row.is"() {arm = "one", slot = 0 : i64}
// CHECK: "row.is"() {arm = "two", slot = 1 : i64}
// CHECK: name = "shared", type = "u16", slot = 2 : i64
// CHECK: name = "a", type = "u16", slot = 3 : i64
// CHECK: name = "b", type = "u16", slot = 4 : i64
// CHECK: "row.commit"({{.*}}) {slot = 5 : i64}
// CHECK: name = "d", type = "bit", slot = 6 : i64
// CHECK: name = "e", type = "u16", slot = 3 : i64
// CHECK: "row.merge"({{.*}}) {name = "x", slot = 7 : i64}
// CHECK: "row.merge"({{.*}}) {name = "y", agreed = true}
