from django.contrib import admin

from .models import Order, Product, Report, Subscriber

admin.site.register([Product, Order, Report, Subscriber])
