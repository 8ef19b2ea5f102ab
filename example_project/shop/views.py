"""One page and its buttons. A button answers at once; what takes time is done by a worker."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from . import orders
from .models import Order

#: How many orders the page shows.
NEWEST = 10


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    newest = Order.objects.all()[:NEWEST]
    rows = [(order, order.receipt_status, order.payment_status) for order in newest]
    unsettled = any({"waiting", "running"} & {receipt, payment} for _, receipt, payment in rows)
    context = {"rows": rows, "unsettled": unsettled, "products": orders.PRODUCTS}
    return render(request, "shop/index.html", context)


@require_POST
def place(request: HttpRequest) -> HttpResponse:
    product = request.POST.get("product", "")
    if product not in orders.PRODUCTS:
        raise Http404("There is no such product.")
    order = orders.place(product)
    messages.success(request, f"Thank you for order {order.pk}. The receipt is on its way.")
    return redirect("shop:index")


@require_POST
def pay(request: HttpRequest, order_id: int) -> HttpResponse:
    order = get_object_or_404(Order, pk=order_id)
    orders.pay(order, request.POST.get("card", "valid"))
    messages.info(request, f"Order {order.pk}: the bank is being asked.")
    return redirect("shop:index")
