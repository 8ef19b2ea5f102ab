"""Two pages and their buttons. A button answers at once; what takes time is done by a worker."""

from django.contrib import messages
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from . import office as back_office
from . import orders, other_languages, samples
from .models import Order, Product, Recording, Report, Subscriber

#: How many orders, and how many reports and recordings, a page shows.
ORDERS, ROWS = 10, 3

ProductForm = modelform_factory(Product, fields=["name", "price", "picture"])


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = {
        "products": Product.objects.all(),
        "orders": Order.objects.select_related("product")[:ORDERS],
    }
    return render(request, "shop/index.html", context)


@require_POST
def place(request: HttpRequest) -> HttpResponse:
    product = get_object_or_404(Product, name=request.POST.get("product", ""))
    order = orders.place(product)
    messages.success(request, f"Thank you for order {order.pk}. The receipt is on its way.")
    return redirect("shop:index")


@require_POST
def pay(request: HttpRequest, order_id: int) -> HttpResponse:
    order = get_object_or_404(Order, pk=order_id, paid=False)
    orders.pay(order, request.POST.get("card", "valid"))
    messages.info(request, f"Order {order.pk}: the bank is being asked.")
    return redirect("shop:index")


@require_http_methods(["GET", "HEAD", "POST"])
def office(request: HttpRequest) -> HttpResponse:
    """The back office; a POST adds a product, whose picture is then resized by a job."""
    form = ProductForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        product = form.save()
        messages.success(request, f"{product} is in the shop, its picture is being resized.")
        return redirect("shop:index")
    context = {
        "form": form,
        "reports": Report.objects.all()[:ROWS],
        "subscribers": Subscriber.objects.count(),
        "waiting": back_office.waiting(),
        "recordings": Recording.objects.all()[:ROWS],
    }
    return render(request, "shop/office.html", context)


@require_POST
def report(request: HttpRequest) -> HttpResponse:
    messages.info(request, f"{back_office.start_report()} is being written.")
    return redirect("shop:office")


@require_POST
def import_rows(request: HttpRequest) -> HttpResponse:
    count = back_office.import_subscribers(samples.subscribers(1000))
    messages.info(request, f"{count} rows are being imported.")
    return redirect("shop:office")


@require_POST
def php(request: HttpRequest) -> HttpResponse:
    """Stands for a PHP program that shares this Redis."""
    with other_languages.connect() as redis:
        other_languages.push(redis, other_languages.recorded("php").again())
    messages.info(request, "A job in PHP's bytes is in its queue.")
    return redirect("shop:office")
