// RUN: zkc opt -p check-degree --verify-diagnostics %s

"row.table"() ({
  %0 = "row.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %1 = "felt.mul"(%0, %0) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %2 = "felt.mul"(%0, %1) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  // expected-error @+1 {{error[E0401]: this product has degree 4; the most is 3}}
  %3 = "felt.mul"(%2, %0) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %4 = "felt.mul"(%3, %0) : (!zkc.felt, !zkc.felt) -> !zkc.felt
}) {sym_name = "powers", kind = "given"} : () -> ()
